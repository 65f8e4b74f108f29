import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

export default ts.config(
  { ignores: ["dist/", "shots/", "api/", "node_modules/"] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser } } },
  { files: ["tests/*.js"], languageOptions: { globals: { ...globals.node } } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    rules: {
      // The transport is known in one place.
      "no-restricted-imports": ["error", { patterns: ["@tauri-apps/*"] }],
      "no-restricted-syntax": [
        "error",
        { selector: "ImportDeclaration[importKind!='type'][source.value=/api.app$/]", message: "ipc.ts alone knows the transport" },
      ],
      eqeqeq: "error",
    },
  },
  { files: ["ipc.ts", "tests/**"], rules: { "no-restricted-imports": "off", "no-restricted-syntax": "off" } },
);

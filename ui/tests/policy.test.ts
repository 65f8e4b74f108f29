// The content policy allows no inline style or script, and one file alone knows the transport: checked in the sources.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const folders = [".", "views", "parts"];
const sources = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => /\.(svelte|ts|html)$/.test(name))
    .map((name) => ({ name, text: readFileSync(`${folder}/${name}`, "utf8") })),
);

test("no source has an inline style or handler, or brings text in as markup", () => {
  expect(sources.length).toBeGreaterThan(30);
  const inline = /\sstyle[=:]|\son\w+="|\{@html|innerHTML|eval\(/;
  expect(sources.filter(({ text }) => inline.test(text)).map(({ name }) => name)).toEqual([]);
});

test("only ipc.ts imports the transport", () => {
  const transport = /from "@tauri-apps|import \{[^}]*\} from "\.\.?\/api\/app"/;
  const typeless = sources.map(({ name, text }) => ({ name, text: text.replace(/import type [^;]*;/g, "") }));
  expect(typeless.filter(({ text }) => transport.test(text)).map(({ name }) => name)).toEqual(["ipc.ts"]);
});

// How the page is built for the app, and how its tests run. Nothing is inlined: the app's content policy allows no inline
// script, style or data address.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
  build: {
    target: "safari17",
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    env: { TZ: "UTC" },
    restoreMocks: true,
    // A machine that does much else at the same time is slow.
    testTimeout: 30_000,
    // Each test cleans up; a page for each file would take half of the run.
    isolate: false,
  },
});

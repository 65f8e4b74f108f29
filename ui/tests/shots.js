// Pictures of every scene in Chromium, light and dark, some in forced colours and at 200 %: npm run shots [name…]
import { mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { createServer } from "vite";

const ui = fileURLToPath(new URL("..", import.meta.url));
const folder = `${ui}shots`;
const only = process.argv.slice(2);

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const MAIN = { width: 420, height: 640 };
const PROMPT = { width: 400, height: 460 };
const MORE = {
  forced: ["identities", "prompt-keys-problems"],
  contrast: ["identities", "log-out"],
  zoomed: ["identities-details", "prompt-keys"],
  small: ["identities", "settings"],
};

const server = await createServer({ root: ui, logLevel: "error", server: { port: 0, host: "127.0.0.1" } });
await server.listen();
const address = `http://127.0.0.1:${server.httpServer.address().port}/tests/stage.html`;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
let failures = 0;

try {
  const { scenes } = await server.ssrLoadModule("/tests/scenes.ts");
  const names = Object.keys(scenes).filter((name) => only.length === 0 || only.includes(name));
  if (only.length === 0) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const name of names) {
    for (const colorScheme of ["light", "dark"]) await shoot(name, colorScheme, { colorScheme });
    if (MORE.forced.includes(name)) await shoot(name, "forced", { colorScheme: "dark", forcedColors: "active" });
    if (MORE.contrast.includes(name)) {
      for (const colorScheme of ["light", "dark"]) await shoot(name, `contrast-${colorScheme}`, { colorScheme, contrast: "more" });
    }
    if (MORE.zoomed.includes(name)) await shoot(name, "200", { colorScheme: "light", zoom: 2 });
    if (MORE.small.includes(name)) await shoot(name, "small", { colorScheme: "light", size: { width: 360, height: 400 } });
  }
} finally {
  await browser.close();
  await server.close();
}
process.exitCode = failures === 0 ? 0 : 1;

/** Zoom halves the viewport and doubles its pixels. */
async function shoot(name, look, { zoom = 1, size = name.startsWith("prompt") ? PROMPT : MAIN, ...colours }) {
  const viewport = { width: size.width / zoom, height: Math.ceil(size.height / zoom) };
  const page = await browser.newPage({ viewport, deviceScaleFactor: zoom * 2, ...colours });
  page.on("pageerror", (error) => fail(name, look, error.message));
  await page.goto(`${address}#${name}`);
  try {
    await page.waitForSelector("html[data-ready]", { timeout: 15_000 });
    await page.waitForTimeout(450);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    // Contrast can fail in light and in dark; jsdom knows no colours.
    if (zoom === 1 && !colours.forcedColors) await contrast(page, name, look);
    if (wide) fail(name, look, "is wider than its window");
  } catch (error) {
    fail(name, look, error.message);
  }
  if (name.startsWith("prompt") && zoom === 1) {
    const height = await page.evaluate(() => document.querySelector("main")?.getBoundingClientRect().height ?? 0);
    await page.setViewportSize({ width: viewport.width, height: Math.max(40, Math.ceil(height)) });
  }
  await page.screenshot({ path: `${folder}/${name}.${look}.png` });
  await page.close();
}

async function contrast(page, name, look) {
  await page.addScriptTag({ path: `${ui}node_modules/axe-core/axe.min.js` });
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
  for (const violation of found) fail(name, look, violation);
}

function fail(name, look, message) {
  failures += 1;
  console.error(`${name} (${look}): ${message}`);
}

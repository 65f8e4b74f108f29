// A person at a browser: opens an address in headless Chromium and does what the words behind it say, one after the other:
// `press` the button, `tick` the box, go `back`. Prints the address and the text of the page where that ends.
//
//   node browser.js ADDRESS [WORD…]
const { spawn } = require("node:child_process");
const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

const [address, ...words] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "kf-chromium-"));
// It is spoken to over two pipes. Its own sandbox does not work for root; what else is on the session bus is not its concern.
const chromium = spawn(
  "chromium",
  ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", `--user-data-dir=${profile}`, "--remote-debugging-pipe"],
  {
    env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: "disabled:" },
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  },
);
const [, , , requests, answers] = chromium.stdio;

const waiting = new Map();
let loaded = () => {};
let unread = "";
answers.on("data", (bytes) => {
  const messages = (unread + bytes).split("\0");
  unread = messages.pop();
  for (const { id, result, error, method } of messages.map((text) => JSON.parse(text))) {
    if (method === "Page.loadEventFired") loaded();
    waiting.get(id)?.(error ? Promise.reject(new Error(error.message)) : result);
  }
});

let last = 0;
let sessionId;
function ask(method, params = {}) {
  const id = ++last;
  requests.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return new Promise((resolve) => waiting.set(id, resolve));
}

// Does something, and waits until the page that it leads to is there.
async function leadsToAPage(act) {
  const there = new Promise((resolve) => (loaded = resolve));
  await act();
  await there;
}

async function evaluate(expression) {
  return (await ask("Runtime.evaluate", { expression, returnByValue: true })).result.value;
}

// With the mouse, in the middle of the element.
async function click(selector) {
  const [x, y] = await evaluate(
    `(({ x, y, width, height }) => [x + width / 2, y + height / 2])(document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect())`,
  );
  for (const type of ["mousePressed", "mouseReleased"]) {
    await ask("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
  }
}

async function act(word) {
  if (word === "press") return leadsToAPage(() => click("button"));
  if (word === "tick") return click("input[type=checkbox]");
  if (word === "back") return leadsToAPage(() => evaluate("history.back()"));
  throw new Error(`no such word: ${word}`);
}

async function visit() {
  const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
  ({ sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true }));
  await ask("Page.enable");
  await leadsToAPage(() => ask("Page.navigate", { url: address }));
  for (const word of words) await act(word);
  console.log(await evaluate("location.href"));
  console.log(await evaluate("document.body.innerText"));
}

const tooLong = setTimeout(() => chromium.kill(), 60_000);
chromium.on("exit", () => {
  clearTimeout(tooLong);
  remove(50);
});

/** Chromium's children write on for a moment; what they made since is seen only by a new look. */
function remove(tries) {
  try {
    rmSync(profile, { recursive: true, force: true });
  } catch (error) {
    if (tries === 0) throw error;
    setTimeout(() => remove(tries - 1), 100);
  }
}

visit().then(
  () => chromium.kill(),
  (error) => {
    console.error(error.message);
    process.exitCode = 1;
    chromium.kill();
  },
);

// Opens the page on a app, as Tauri would open its window.
import { render, screen } from "@testing-library/svelte";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import App from "../App.svelte";
import type { FakeApp } from "./fake-app";

export async function open(app: FakeApp): Promise<UserEvent> {
  const user = userEvent.setup({ delay: null, pointerEventsCheck: 0 });
  app.install();
  render(App);
  await settled();
  return user;
}

/** Until what was under way without a timer is done. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

export function region(name: string | RegExp): HTMLElement {
  return screen.getByRole("region", { name });
}

/** The last words that were announced. */
export function said(): string {
  return document.querySelector("p.announced")?.textContent ?? "";
}

/** All that a person or a program could read off the page, fields included. */
export function everything(): string {
  const fields = [...document.querySelectorAll("input")].map((field) => field.value);
  return [document.documentElement.outerHTML, ...fields].join("\n");
}

// Opens the page of a fake app, as Tauri would open its window.
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

/** Waits for everything that needs no timer. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

export function region(name: string | RegExp): HTMLElement {
  return screen.getByRole("region", { name });
}

/** The last announcement. */
export function announced(): string {
  return document.querySelector("p.announced")?.textContent ?? "";
}

/** Everything that can be read off the page, fields included. */
export function everything(): string {
  const fields = [...document.querySelectorAll("input")].map((field) => field.value);
  return [document.documentElement.outerHTML, ...fields].join("\n");
}

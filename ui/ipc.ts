// The way to Rust, and the only file that knows it: commands, events, which window this is, and what a rejection means.
import { getCurrentWindow } from "@tauri-apps/api/window";
import { commands, events as heard } from "./api/app";
import type { Error, Snapshot, View } from "./contract";
import { texts } from "./texts";

export { commands };

/** Each resolves to what ends the listening. */
export const events = {
  snapshot: (changed: (snapshot: Snapshot) => void) => heard.snapshotChanged.listen(({ payload }) => changed(payload as Snapshot)),
  show: (asked: (view: View) => void) => heard.show.listen(({ payload }) => asked(payload)),
};

/** A prompt has a window of its own when a program asks while no window is open. */
export function isPromptWindow(): boolean {
  return getCurrentWindow().label.startsWith("prompt");
}

/** A command rejects with the agent's error; anything else is a fault of this app, and is said as one. */
export function asError(thrown: unknown): Error {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown) {
    return thrown as Error;
  }
  const message = thrown instanceof globalThis.Error ? thrown.message : String(thrown);
  return fault(texts.error.internal(message), texts.error.internalHint);
}

/** What is refused here, before it is sent, looks as if it had been refused there. */
export function fault(message: string, ...hints: string[]): Error {
  return { code: "invalid_input", message, hints, context: {}, remedy: "Fix" };
}

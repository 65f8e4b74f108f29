// The transport to Rust, known to this file alone: commands, events, the kind of this window, and rejections as errors.
import { commands, events as received } from "./api/app";
import type { Check, Error, Snapshot, View } from "./contract";
import { texts } from "./texts";

export { commands };

/** Each resolves to a function that stops listening. */
export const events = {
  snapshot: (take: (snapshot: Snapshot) => void) => received.snapshotChanged.listen(({ payload }) => take(payload as Snapshot)),
  checked: (take: (progress: { found: Check[]; open: number }) => void) =>
    received.doctorProgress.listen(({ payload }) => take(payload)),
  show: (show: (view: View) => void) => received.show.listen(({ payload }) => show(payload)),
};

/** What Tauri's `getCurrentWindow` reads; importing that brings its whole window API into the page. */
type Injected = { __TAURI_INTERNALS__: { metadata: { currentWindow: { label: string } } } };

/** A prompt has a window of its own when a program needs the user while no window is open. */
export function isPromptWindow(): boolean {
  const { metadata } = (window as unknown as Injected).__TAURI_INTERNALS__;
  return metadata.currentWindow.label.startsWith("prompt");
}

/** A command rejects with the agent's error; anything else is a fault of this app, and shown as one. */
export function asError(thrown: unknown): Error {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown) {
    return thrown as Error;
  }
  const message = thrown instanceof globalThis.Error ? thrown.message : String(thrown);
  return invalidInput(texts.error.internal(message), texts.error.internalHint);
}

/** Input refused by the page itself, in the form of the agent's errors. */
export function invalidInput(message: string, ...hints: string[]): Error {
  return { code: "invalid_input", message, hints, context: {}, remedy: "Fix" };
}

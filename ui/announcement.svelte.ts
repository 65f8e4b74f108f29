// The result of the last action, announced once: shown at the bottom of the window and read by a
// screen reader; and warnings, which stay until they are dismissed.
import type { Note } from "./contract";

const SHOWN_FOR = 6_000;

class Announcement {
  text = $state("");
  warnings: string[] = $state.raw([]);
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string) {
    this.text = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.text = ""), SHOWN_FOR);
  }

  /** The notes of a reply, after a text about the whole. */
  take(notes: Note[], text?: string) {
    const infos = infosOf(notes);
    this.warnings = [...new Set([...this.warnings, ...warningsOf(notes)])];
    const all = text === undefined ? infos : [text, ...infos];
    if (all.length > 0) this.say(all.join(". "));
  }

  /** With the view that it belongs to. */
  leave() {
    clearTimeout(this.#timer);
    this.text = "";
  }

  clear() {
    this.leave();
    this.warnings = [];
  }

  dismissWarnings() {
    this.warnings = [];
  }
}

export function infosOf(notes: Note[]): string[] {
  return notes.flatMap(({ info }) => (info === undefined ? [] : [info]));
}

export function warningsOf(notes: Note[]): string[] {
  return notes.flatMap(({ warning }) => (warning === undefined ? [] : [warning]));
}

export const announcement = new Announcement();

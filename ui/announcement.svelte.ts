// What was just done, said once: seen at the bottom of the window and heard by a screen reader; and warnings, which stay
// until they are put away.
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

  /** The notes of a reply, with what else there is to say. */
  tell(notes: Note[], text?: string) {
    const infos = notes.flatMap((note) => (note.info === undefined ? [] : [note.info]));
    const warnings = notes.flatMap((note) => (note.warning === undefined ? [] : [note.warning]));
    this.warnings = [...new Set([...this.warnings, ...warnings])];
    const all = text === undefined ? infos : [text, ...infos];
    if (all.length > 0) this.say(all.join(". "));
  }

  clear() {
    clearTimeout(this.#timer);
    this.text = "";
    this.warnings = [];
  }

  putAway() {
    this.warnings = [];
  }
}

export const announcement = new Announcement();

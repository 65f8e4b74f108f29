// The prompt that is before the person, one at a time: shows it, passes the answer on, follows to the next one, and closes.
// A program's prompts are in the snapshot and may be answered elsewhere; those of a sign-in begun here are known here alone.
import { announcement } from "./announcement.svelte";
import { clock } from "./clock.svelte";
import type { Note, Outcome, Prompt, PromptKind, Reached, Snapshot } from "./contract";
import { asError, commands } from "./ipc";
import { texts } from "./texts";
import { moment } from "./time";

export type Origin = "program" | "here";
export type KindName = "keys" | "mfa" | "keyring_passphrase" | "browser";
type Begin = () => Promise<Outcome>;

/** What the tray asks for, a person asked for. */
const OURSELVES = "keyfob";

export function kindName(kind: PromptKind): KindName {
  if (kind.keys !== undefined) return "keys";
  if (kind.mfa !== undefined) return "mfa";
  return kind.browser !== undefined ? "browser" : "keyring_passphrase";
}

class Conversation {
  prompt: Prompt | null = $state.raw(null);
  origin: Origin = $state("here");
  /** Why it ended without this person; until the next one begins. */
  withdrawn = $state(false);
  /** Counted so that who waits for an answer knows whether it is still his. */
  #turn = 0;
  /** The turn whose answer is under way; one that was closed meanwhile holds nobody up. */
  #answering: number | null = null;
  /** Its number is in the snapshot. What follows on an answer is between the two of us, even where a program asked first. */
  #isPublic = false;
  /** An answer that failed has ended the sign-in: the next one begins it anew. */
  #spent = false;
  #begin: Begin | null = null;
  #then: Begin | null = null;
  /** Begun while another one was before the person. */
  #later: [Begin, Begin | null][] = [];
  /** Counts pages; there is more than one only in tests. */
  #page = 0;

  /** A sign-in, or new keys, asked for here; `then` follows on stored keys. */
  async begin(begin: Begin, then: Begin | null = null): Promise<void> {
    // What is before the person is neither replaced nor covered.
    if (this.prompt !== null) return;
    const page = this.#page;
    const { notes, reached } = await begin();
    if (page !== this.#page) return this.#nobodyWaits({ notes, reached });
    if (reached.needs === undefined) {
      announcement.tell(notes, said(reached));
      if (then !== null && reached.configured !== undefined) await this.begin(then);
    } else if (this.prompt === null) {
      this.#turn++;
      this.#begin = begin;
      this.#then = then;
      this.#ask(reached.needs, notes);
    } else {
      this.#later.push([begin, then]);
    }
  }

  /** One that is open in the snapshot. What is being answered is not replaced: the other waits in the list. */
  show(number: number, snapshot: Snapshot) {
    if (this.prompt !== null) return;
    const open = snapshot.status?.prompts.find(({ prompt }) => prompt.id === number);
    this.withdrawn = open === undefined;
    if (open === undefined) return;
    const { identity, asker } = open.prompt;
    this.#turn++;
    this.#spent = false;
    this.#begin = identity === "" ? null : () => commands.signIn(identity, "when_due");
    this.origin = asker.program.toLowerCase() === OURSELVES ? "here" : "program";
    this.#isPublic = true;
    this.prompt = open.prompt;
  }

  /** Rejects with the agent's error; the form stays, and may be sent again. */
  async answer(send: (prompt: number) => Promise<Outcome>): Promise<void> {
    const turn = this.#turn;
    const asked = this.prompt;
    if (asked === null || this.#answering !== null) return;
    this.#answering = turn;
    try {
      const outcome = await this.#andThen(await this.#send(asked, send));
      if (turn !== this.#turn) return this.#nobodyWaits(outcome);
      this.#follow(outcome);
    } catch (thrown) {
      if (turn === this.#turn) this.#spent = true;
      throw thrown;
    } finally {
      if (this.#answering === turn) this.#answering = null;
    }
  }

  async #send(asked: Prompt, send: (prompt: number) => Promise<Outcome>): Promise<Outcome> {
    if (!this.#spent || this.#begin === null) return send(asked.id);
    const anew = await this.#begin();
    const next = anew.reached.needs;
    if (next === undefined || kindName(next.kind) !== kindName(asked.kind)) return anew;
    this.#spent = false;
    this.#isPublic = false;
    return send(next.id);
  }

  async #andThen(outcome: Outcome): Promise<Outcome> {
    const then = this.#then;
    if (then === null || outcome.reached.configured === undefined) return outcome;
    announcement.tell(outcome.notes, said(outcome.reached));
    this.#then = null;
    this.#begin = then;
    return then();
  }

  /** Closed by the person. What is under way comes to its end unseen. */
  cancel() {
    const { prompt } = this;
    if (prompt === null) return;
    if (this.#answering === null && !this.#spent) void commands.cancel(prompt.id).catch(() => undefined);
    this.#end();
  }

  /** Somebody else was quicker, or the program went away; a browser's sign-in is seen to be done. */
  watch(snapshot: Snapshot) {
    const { prompt } = this;
    if (prompt === null || this.#answering !== null || this.#spent) return;
    if (prompt.kind.browser !== undefined && this.#isDone(prompt, snapshot)) {
      this.#end();
      announcement.say(texts.browser.done(prompt.identity));
      return;
    }
    const isOpen = snapshot.status?.prompts.some((open) => open.prompt.id === prompt.id) ?? false;
    if (this.#isPublic && !isOpen) {
      this.#end();
      this.withdrawn = true;
      announcement.say(texts.prompt.gone);
    }
  }

  /** The page goes away, and what it showed with it. */
  reset() {
    this.#page++;
    this.#later = [];
    this.#end();
    this.withdrawn = false;
  }

  #isDone(prompt: Prompt, snapshot: Snapshot): boolean {
    const open = snapshot.status?.prompts.some((it) => it.prompt.identity === prompt.identity) ?? false;
    const session = snapshot.status?.sessions.find(({ identity }) => identity === prompt.identity);
    return !open && session?.state === "valid";
  }

  #follow({ notes, reached }: Outcome) {
    if (reached.needs !== undefined) return this.#ask(reached.needs, notes);
    announcement.tell(notes, said(reached));
    this.#end();
  }

  #ask(needed: Prompt, notes: Note[]) {
    announcement.tell(warnings(notes));
    if (this.prompt === null) this.origin = "here";
    this.withdrawn = false;
    this.#spent = false;
    this.#isPublic = false;
    this.prompt = needed;
  }

  #end() {
    this.#turn++;
    this.#answering = null;
    this.prompt = null;
    this.#spent = false;
    this.#begin = null;
    this.#then = null;
    const next = this.#later.shift();
    // Begun anew: the answer just given may have been what this one waited for as well.
    if (next !== undefined) void this.begin(...next).catch((thrown) => announcement.say(asError(thrown).message));
  }

  /** Whoever asked went away meanwhile. */
  #nobodyWaits({ notes, reached }: Outcome) {
    if (reached.needs !== undefined) void commands.cancel(reached.needs.id).catch(() => undefined);
    else announcement.tell(notes, said(reached));
  }
}

function warnings(notes: Note[]): Note[] {
  return notes.filter((note) => note.warning !== undefined);
}

function said(reached: Exclude<Reached, { needs: unknown }>): string {
  if (reached.signed_in !== undefined) {
    const { identity, expires_at } = reached.signed_in;
    return texts.identities.signedIn(identity, moment(expires_at, clock.now));
  }
  return texts.identities.configured(reached.configured.identity, reached.configured.access_key_id);
}

export const conversation = new Conversation();

// The one prompt in front of the user: shows it, sends the answer, and goes on to the next prompt or
// to the end. The sign-in itself asks again after a rejected answer; a failure ends it.
import { announcement } from "./announcement.svelte";
import { clock } from "./clock.svelte";
import type { Error, Outcome, Prompt, PromptKind, Reached, Renewal, Snapshot } from "./contract";
import { identities, isUsable } from "./identity";
import { asError, commands } from "./ipc";
import { snapshots } from "./snapshots.svelte";
import { texts } from "./texts";
import { moment } from "./time";

type KindName = "keys" | "mfa" | "keyring_passphrase" | "other_user" | "paste" | "page" | "browser" | "program";
type Origin = "program" | "user";

/** What leads to prompts; `next` follows once keys are stored. */
type Job = { start: () => Promise<Outcome>; next: Job | null; storesOnly?: boolean };

/** The tray and this page sign in under this name, on the user's behalf. */
const OURSELVES = "keyfob";

/** In milliseconds. */
const LISTED_WITHIN = 2000;

/** It was closed, not refused. */
const WITHDRAWN: string[] = ["cancelled", "invalid_input"];

export function kindName(kind: PromptKind): KindName {
  if (kind.keys !== undefined) return "keys";
  if (kind.mfa !== undefined) return "mfa";
  if (kind.other_user !== undefined) return "other_user";
  if (kind.paste !== undefined) return kind.paste.what === "saml_assertion" ? "page" : "paste";
  if (kind.program !== undefined) return "program";
  return kind.browser !== undefined ? "browser" : "keyring_passphrase";
}

/** Which program, and for what. */
export function waitingFor({ asker: { program, pid }, identity, wanted }: Prompt, isWaitedFor: boolean): string {
  if (identity === "") return texts.waiting.needsKeyring(program, pid);
  const says = isWaitedFor ? texts.waiting.needs : texts.waiting.gaveUp;
  return says(program, pid, texts.waiting.name(identity, wanted ?? null));
}

class ActivePrompt {
  prompt: Prompt | null = $state.raw(null);
  /** Why the sign-in of this prompt ended; stays until it is dismissed. */
  failed: { prompt: Prompt; error: Error; job: Job | null } | null = $state.raw(null);
  /** The last prompt ended elsewhere. */
  withdrawn = $state(false);
  origin: Origin = $state("user");
  #job: Job | null = null;
  #answering: Prompt | null = null;
  /** What it was shown as first: what a program says has a new number each time. */
  #ticket = 0;
  /** Only a prompt that was in a snapshot can be missing from a later one. */
  #isListed = false;
  /** Of the programs' prompts that wait here, how many came before this one. */
  #before = $state(0);
  #closed: { prompt: Prompt | null; under: Snapshot | null } = $state.raw({ prompt: null, under: null });
  /** Jobs whose prompt came while something else was shown. */
  #later: Job[] = [];

  get isOpen(): boolean {
    return this.prompt !== null || this.failed !== null;
  }

  /** Whether a sign-in follows once keys are stored. */
  get signsIn(): boolean {
    return this.prompt === null || this.#job?.storesOnly !== true;
  }

  /** A program's prompt stays open when the program has given up. */
  get isWaitedFor(): boolean {
    const { prompt, origin } = this;
    const open = snapshots.latest?.agent?.prompts.find((it) => prompt !== null && isSame(it.prompt, prompt));
    return origin === "user" || open?.is_waited_for !== false;
  }

  /** Programs' prompts that are shown after this one. */
  get others(): Prompt[] {
    const shown = this.prompt ?? this.failed?.prompt ?? null;
    return this.#waiting().filter((it) => shown === null || !isSame(it, shown));
  }

  /** Programs' prompts, in their order. The latest snapshot may still have the one that was just closed. */
  #waiting(): Prompt[] {
    const { latest } = snapshots;
    const { prompt: closed, under } = this.#closed;
    const all = (latest?.agent?.prompts ?? []).map(({ prompt }) => prompt).filter(isOfProgram);
    return under === latest && closed !== null ? all.filter((it) => !isSame(it, closed)) : all;
  }

  /** `1 of 2` of the programs' prompts; `null` for a single one. */
  get place(): { number: number; of: number } | null {
    const of = this.#before + 1 + this.others.length;
    return this.origin === "program" && of > 1 ? { number: this.#before + 1, of } : null;
  }

  /** Rejects with an error that comes before any prompt. */
  signIn(identity: string, renewal: Renewal = "when_due"): Promise<void> {
    return this.#start(signInJob(identity, renewal));
  }

  /** The roles that an Identity Center assigns; a sign-in there comes first. */
  listRoles(provider: string): Promise<void> {
    return this.#start({ start: () => commands.listRoles(provider), next: null });
  }

  enterKeys(identity: string, then: "sign_in" | "stop"): Promise<void> {
    const next = then === "sign_in" ? signInJob(identity) : null;
    return this.#start({ start: () => commands.enterKeys(identity), next, storesOnly: next === null });
  }

  /** A prompt of the snapshot. One that is shown is not replaced: the other stays in the list. */
  show(id: number, snapshot: Snapshot) {
    if (this.prompt !== null) return;
    const prompt = snapshot.agent?.prompts.find((open) => open.prompt.id === id)?.prompt;
    this.withdrawn = prompt === undefined;
    if (prompt !== undefined) this.#showListed(prompt);
  }

  /** The next of the programs' prompts, when the user is ready for it. */
  showNext() {
    const [next] = this.others;
    if (this.prompt === null && next !== undefined) this.#showListed(next);
  }

  #showListed(prompt: Prompt) {
    const { identity } = prompt;
    this.#display(prompt, identity === "" ? null : signInJob(identity), isOfProgram(prompt) ? "program" : "user");
    this.#isListed = true;
  }

  async answer(send: (prompt: number) => Promise<Outcome>): Promise<void> {
    const { prompt } = this;
    if (prompt === null || this.#answering !== null) return;
    this.#answering = prompt;
    try {
      await this.#follow(this.#job, send(prompt.id));
    } catch (thrown) {
      if (this.prompt === prompt) this.#fail(prompt, asError(thrown));
    } finally {
      if (this.#answering === prompt) this.#answering = null;
    }
  }

  async tryAgain(): Promise<void> {
    const { failed } = this;
    if (failed === null || failed.job === null) return;
    this.#job = failed.job;
    try {
      await this.#follow(failed.job, failed.job.start());
    } catch (thrown) {
      if (this.failed === failed) this.#fail(failed.prompt, asError(thrown));
    }
  }

  /** Closed by the user. An answer on its way is still carried out. */
  cancel() {
    const { prompt } = this;
    if (prompt !== null && this.#answering === null) withdraw(prompt);
    this.#close();
  }

  /** A listed prompt that is gone was answered elsewhere, or by the browser. */
  watch(snapshot: Snapshot) {
    const { prompt } = this;
    if (prompt === null || this.#answering !== null) return;
    const kind = kindName(prompt.kind);
    const endsByItself = kind === "browser" || kind === "program" || kind === "page";
    const open = snapshot.agent?.prompts.map((it) => it.prompt) ?? [];
    const next = open.find((it) => it.identity === prompt.identity && kindName(it.kind) === kind);
    // The program says something else; what the page ended with was refused.
    if (endsByItself && next !== undefined) this.prompt = next;
    // The first one has given up, and another one waits now.
    const same = open.find((it) => it.id === prompt.id);
    if (same !== undefined && isOfProgram(same) && same.asker.pid !== prompt.asker.pid)
      this.prompt = { ...prompt, asker: same.asker };
    const isOpen = open.some((it) => it.id === prompt.id || (endsByItself && it.identity === prompt.identity));
    if (isOpen) this.#isListed = true;
    if (isOpen) return;
    if (!this.#isListed) {
      if (endsByItself && this.origin === "user") this.#looksAgain(prompt);
      return;
    }
    if (endsByItself && this.origin === "user") return void this.#goOn(prompt);
    const signedIn = identities(snapshot, clock.now).some((it) => it.name === prompt.identity && isUsable(it.state));
    const isDone = endsByItself && signedIn;
    // The user may be typing: what comes next waits until it is wanted.
    this.#clear();
    this.withdrawn = !isDone;
    announcement.say(isDone ? texts.browser.done(prompt.identity) : texts.prompt.gone);
  }

  /** The browser may be faster than the snapshots: a prompt that is in none after a while is over. */
  #looksAgain(prompt: Prompt) {
    setTimeout(() => {
      if (this.prompt !== prompt || this.#isListed || snapshots.latest === null) return;
      this.#isListed = true;
      this.watch(snapshots.latest);
    }, LISTED_WITHIN);
  }

  /** The user began this sign-in here: why it failed is said here. */
  async #goOn(prompt: Prompt) {
    this.#answering = prompt;
    try {
      await this.#follow(this.#job, commands.follow(this.#ticket));
    } catch (thrown) {
      if (this.#answering !== prompt) return;
      const error = asError(thrown);
      if (!WITHDRAWN.includes(error.code)) return this.#fail(prompt, error);
      this.#clear();
      this.withdrawn = error.code !== "cancelled";
      announcement.say(this.withdrawn ? texts.prompt.gone : texts.prompt.cancelled);
    } finally {
      if (this.#answering === prompt) this.#answering = null;
    }
  }

  /** The page is closed. */
  reset() {
    this.#later = [];
    this.#before = 0;
    this.#clear();
    this.withdrawn = false;
  }

  async #start(job: Job): Promise<void> {
    if (this.prompt === null) await this.#follow(job, job.start());
  }

  async #follow(job: Job | null, request: Promise<Outcome>): Promise<void> {
    const before = this.prompt ?? this.failed;
    const { notes, reached } = await request;
    const isCurrent = before === (this.prompt ?? this.failed);
    if (reached.needs !== undefined) {
      announcement.take(notes.filter(({ warning }) => warning !== undefined));
      if (isCurrent) this.#displayNext(reached.needs, job);
      else if (before === null && job !== null) this.#later.push(job);
      else withdraw(reached.needs);
      return;
    }
    announcement.take(notes, summary(reached));
    if (!isCurrent) return;
    if (reached.configured === undefined || !job?.next) return this.#close();
    this.#job = job.next;
    await this.#follow(job.next, job.next.start());
  }

  /** After a rejected answer it is this page that waits; the prompt is still that of its program. */
  #displayNext(next: Prompt, job: Job | null) {
    const { prompt } = this;
    const isOfAnother = prompt !== null && this.origin === "program" && !isOfProgram(next);
    this.#display(isOfAnother ? { ...next, asker: prompt.asker } : next, job, prompt === null ? "user" : this.origin);
  }

  #display(prompt: Prompt, job: Job | null, origin: Origin) {
    this.origin = origin;
    this.failed = null;
    this.withdrawn = false;
    this.#isListed = false;
    this.#ticket = prompt.id;
    this.#job = job;
    this.prompt = prompt;
  }

  #fail(prompt: Prompt, error: Error) {
    this.prompt = null;
    this.failed = { prompt, error, job: this.#job };
  }

  /** The user is done with it: on to the next. */
  #close() {
    const closed = this.prompt ?? this.failed?.prompt ?? null;
    const wasProgram = this.origin === "program" && closed !== null;
    this.#closed = { prompt: closed, under: snapshots.latest };
    this.#clear();
    const next = this.#later.shift();
    // Started again: the last answer may have been enough for this one as well.
    if (next !== undefined) {
      this.#start(next).catch((thrown) => announcement.say(asError(thrown).message));
      return;
    }
    const waits = wasProgram ? this.others[0] : undefined;
    this.#before = waits === undefined ? 0 : this.#before + 1;
    if (waits !== undefined) this.#showListed(waits);
  }

  #clear() {
    this.prompt = null;
    this.failed = null;
    this.#job = null;
    this.#answering = null;
  }
}

function isOfProgram({ asker }: Prompt): boolean {
  return asker.program.toLowerCase() !== OURSELVES;
}

/** A second attempt, and the code after the keys, have other numbers. */
function isSame(one: Prompt, other: Prompt): boolean {
  return one.id === other.id || one.identity === other.identity;
}

function signInJob(identity: string, renewal: Renewal = "when_due"): Job {
  return { start: () => commands.signIn(identity, renewal), next: null };
}

function withdraw({ id }: Prompt) {
  void commands.cancel(id).catch(() => undefined);
}

function summary(reached: Exclude<Reached, { needs: unknown }>): string {
  if (reached.signed_in !== undefined) {
    const { identity, expires_at } = reached.signed_in;
    return texts.identities.signedIn(identity, moment(expires_at, clock.now));
  }
  if (reached.listed !== undefined) {
    const { provider, roles, accounts } = reached.listed;
    return texts.firstRun.listed(provider, roles, accounts);
  }
  return texts.identities.configured(reached.configured.identity, reached.configured.access_key_id);
}

export const activePrompt = new ActivePrompt();

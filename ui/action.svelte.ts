// Work that the user started: one at a time, marked slow only after a moment, its failure kept where
// it was started.
import type { Error } from "./contract";
import { asError } from "./ipc";

/** A shorter wait goes unnoticed, and a label that flashes up disturbs. */
const SLOW_AFTER = 300;

export class Action {
  running = $state(false);
  slow = $state(false);
  error: Error | null = $state.raw(null);

  /** Does nothing while a run is under way. */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.running) return undefined;
    this.running = true;
    this.error = null;
    const timer = setTimeout(() => (this.slow = true), SLOW_AFTER);
    try {
      return await work();
    } catch (thrown) {
      this.error = asError(thrown);
      return undefined;
    } finally {
      clearTimeout(timer);
      this.running = false;
      this.slow = false;
    }
  }
}

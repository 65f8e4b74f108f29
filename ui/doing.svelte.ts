// Something under way because a person asked for it: one at a time, called slow only after a moment, its failure kept
// where it was asked for.
import type { Error } from "./contract";
import { asError } from "./ipc";

/** Below this nobody notices that they waited, and a word that flashes up disturbs. */
const SLOW_AFTER = 300;

export class Doing {
  running = $state(false);
  slow = $state(false);
  error: Error | null = $state.raw(null);

  /** What a second press asks for while the first is under way is not done twice. */
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

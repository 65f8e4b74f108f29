// Data that a view loads from Rust, or why it could not. A reply overtaken by a later one is dropped.
import type { Error } from "./contract";
import { asError } from "./ipc";

export class Loaded<T> {
  value: T | null = $state.raw(null);
  error: Error | null = $state.raw(null);
  #loads = 0;

  /** `take` comes before the value is shown. Resolves to whether this load was the last one. */
  async load(work: () => Promise<T>, take?: (value: T) => void): Promise<boolean> {
    const load = ++this.#loads;
    this.error = null;
    try {
      const value = await work();
      if (load === this.#loads) {
        take?.(value);
        this.value = value;
      }
    } catch (thrown) {
      if (load === this.#loads) this.error = asError(thrown);
    }
    return load === this.#loads;
  }
}

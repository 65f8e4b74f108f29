// How things stand: the last snapshot, brought by Rust whenever it changes. The page never asks again by itself.
import { clock } from "./clock.svelte";
import type { Error, Snapshot } from "./contract";
import { asError, commands, events } from "./ipc";

class Standing {
  snapshot: Snapshot | null = $state.raw(null);
  /** Why there is none. */
  failure: Error | null = $state.raw(null);

  /** Listens before it asks, so that no change falls between. */
  follow(): () => void {
    let stopped = false;
    let brought = false;
    const listening = events.snapshot((snapshot) => {
      brought = true;
      this.take(snapshot);
    });
    listening
      .then(() => commands.snapshot())
      .then((snapshot) => {
        if (!stopped && !brought) this.take(snapshot);
      })
      .catch((thrown) => {
        if (!stopped) this.failure = asError(thrown);
      });
    return () => {
      stopped = true;
      this.snapshot = null;
      this.failure = null;
      void listening.then((unlisten) => unlisten()).catch(() => undefined);
    };
  }

  /** Looks at keyring and configuration again. */
  async retry(): Promise<void> {
    this.take(await commands.retry());
  }

  take(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.failure = null;
    clock.tick();
  }
}

export const standing = new Standing();

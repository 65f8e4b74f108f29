// The latest snapshot, sent by Rust whenever something changes. The page never polls.
import { clock } from "./clock.svelte";
import type { Error, Snapshot } from "./contract";
import { asError, commands, events } from "./ipc";

class Snapshots {
  latest: Snapshot | null = $state.raw(null);
  /** Why there is none. */
  failure: Error | null = $state.raw(null);

  /** Listens before it asks, so that no change is missed in between. */
  follow(): () => void {
    let stopped = false;
    let received = false;
    const listening = events.snapshot((snapshot) => {
      received = true;
      this.take(snapshot);
    });
    listening
      .then(() => commands.snapshot())
      .then((snapshot) => {
        if (!stopped && !received) this.take(snapshot);
      })
      .catch((thrown) => {
        if (!stopped) this.failure = asError(thrown);
      });
    return () => {
      stopped = true;
      this.latest = null;
      this.failure = null;
      void listening.then((unlisten) => unlisten()).catch(() => undefined);
    };
  }

  /** Reads keyring and configuration again. */
  async retry(): Promise<void> {
    this.take(await commands.retry());
  }

  take(snapshot: Snapshot) {
    this.latest = snapshot;
    this.failure = null;
    clock.tick();
  }
}

export const snapshots = new Snapshots();

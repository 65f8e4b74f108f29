// The colour of a state; shape and word say the same.
import type { State } from "../contract";

type Tone = "good" | "due" | "bad" | "idle";

export function tone(state: State): Tone {
  switch (state) {
    case "valid":
      return "good";
    case "expiring":
    case "expired":
      return "due";
    case "revoked":
    case "denied":
    case "belongs_elsewhere":
      return "bad";
    case "needs_sign_in":
    case "signed_out":
    case "unknown":
    case "unsupported":
      return "idle";
  }
}

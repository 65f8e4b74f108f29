// The configuration file as the page shows it.
import type { Configuration, Error } from "./contract";

/** Why the file as it is now is not in force. */
export function problemOf(configuration: Configuration): Error | null {
  switch (configuration.state) {
    case "missing":
      return null;
    case "unusable":
      return configuration.error;
    case "in_force":
      return configuration.problem;
  }
}

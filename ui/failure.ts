// An error in parts: a headline of one line, and what AWS or the system said, for those who want it.
import type { Error } from "./contract";
import { texts } from "./texts";

/** Their messages end with a text of AWS's or the system's. */
const WITH_FOREIGN_TEXT: ReadonlySet<Error["code"]> = new Set<Error["code"]>([
  "access_denied",
  "aws_error",
  "mfa_refused",
  "network",
  "region_not_enabled",
  "throttled",
]);

export function partsOf({ code, message, context }: Error): { headline: string; detail: string | null } {
  const step = context?.step ?? null;
  const plain = withoutNumbers(step !== null && message.startsWith(`${step}: `) ? message.slice(step.length + 2) : message);
  const cut = plain.indexOf(": ");
  const own = WITH_FOREIGN_TEXT.has(code) && cut > 0;
  const role = step?.split(" → ").slice(1).at(-1);
  if (code === "access_denied" && role !== undefined) return { headline: texts.error.roleDenied(role), detail: plain };
  return own ? { headline: plain.slice(0, cut), detail: plain.slice(cut + 2) } : { headline: plain, detail: null };
}

/** The system's numbers of errors say nothing to a user. */
function withoutNumbers(text: string): string {
  return text.replace(/ ?\(os error \d+\)/g, "");
}

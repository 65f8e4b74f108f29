// The steps of a logout by their result, planned and done steps together; and what they come to for each identity.
import type { RemovalStep, Report, StepResult } from "./contract";

type Sorted = { gone: RemovalStep[]; kept: RemovalStep[]; failed: RemovalStep[]; absent: number };

export type Part = "session" | "keys" | "token" | "sign_in" | "profile" | "files";

/** Identities or providers for which the same goes and stays. */
export type Line = { names: string[]; gone: Part[]; kept: Part[] };

export function sorted({ steps }: Report): Sorted {
  const of = (...results: StepResult[]) => steps.filter(({ result }) => results.includes(result));
  return {
    gone: of("removed", "would_remove"),
    kept: of("kept"),
    failed: of("failed"),
    absent: of("absent").length,
  };
}

export function summary({ gone, kept }: Sorted): Line[] {
  const lines = new Map<string, Line>();
  const add = (step: RemovalStep, which: "gone" | "kept") => {
    const line = lines.get(step.name) ?? { names: [step.name], gone: [], kept: [] };
    lines.set(step.name, line);
    const part = partOf(step);
    if (!line[which].includes(part)) line[which].push(part);
  };
  for (const step of gone) add(step, "gone");
  for (const step of kept) add(step, "kept");
  const alike = new Map<string, Line>();
  for (const line of lines.values()) {
    const key = `${line.gone.join()};${line.kept.join()}`;
    const other = alike.get(key);
    if (other === undefined) alike.set(key, line);
    else other.names.push(...line.names);
  }
  // Empty files and folders go along with the profiles in them.
  const all = [...alike.values()];
  const telling = all.filter(({ gone, kept }) => kept.length > 0 || gone.some((part) => part !== "files"));
  return telling.length > 0 ? telling : all;
}

function partOf({ what, path }: RemovalStep): Part {
  switch (what) {
    case "keyring":
      // The account in the keyring names its kind.
      return /(^|\/)(keys|set-aside)\//.test(path) ? "keys" : /(^|\/)token\//.test(path) ? "token" : "session";
    case "agent":
      return "session";
    case "section":
      return "profile";
    case "file":
    case "folder":
      return "files";
    case "provider_session":
      return "sign_in";
  }
}

// An identity as the page shows it, and the actions that it offers.
import type { Identity, Snapshot, State } from "./contract";
import { texts } from "./texts";
import { secondsLeft } from "./time";

type Group = { provider: string | null; title: string; identities: Identity[] };

/** `keys`: new long-lived keys are entered first, and a sign-in follows by itself. */
export type Verb = "sign_in" | "renew" | "keys";

/** The agent's name for the provider of identities that have none. */
const NO_PROVIDER = "aws-user";

export function identities({ agent }: Snapshot, now: number): Identity[] {
  return (agent?.identities ?? []).map((identity) => {
    const { state, expires_at } = identity;
    const isOver = expires_at !== null && secondsLeft(expires_at, now) <= 0;
    // The clock is ahead of the next snapshot: nothing expired is shown as valid.
    return isOver && isUsable(state) ? { ...identity, state: "expired" } : identity;
  });
}

export function isUsable(state: State): boolean {
  return state === "valid" || state === "expiring";
}

/** In the order of the configuration; those without a provider first, because others build on them. */
export function grouped(all: Identity[]): Group[] {
  const groups = new Map<string | null, Group>();
  for (const identity of all) {
    const provider = identity.provider === NO_PROVIDER ? null : identity.provider;
    const group = groups.get(provider) ?? { provider, title: provider ?? texts.identities.standAlone, identities: [] };
    group.identities.push(identity);
    groups.set(provider, group);
  }
  return [...groups.values()].sort((a, b) => Number(a.provider !== null) - Number(b.provider !== null));
}

/** The first so many identities, with their groups. */
export function first(groups: Group[], many: number): Group[] {
  let left = many;
  const cut = groups.map((group) => {
    const identities = group.identities.slice(0, left);
    left -= identities.length;
    return { ...group, identities };
  });
  return cut.filter((group) => group.identities.length > 0);
}

export function matches({ name, provider, account, role, kind, state }: Identity, words: string): boolean {
  return hasWords([name, provider, account, role, kind, texts.state[state]].join("\n"), words);
}

/** Whether every word is somewhere in the text. */
export function hasWords(text: string, words: string): boolean {
  const searched = text.toLowerCase();
  return words.trim().toLowerCase().split(/\s+/).every((word) => searched.includes(word));
}

export function verb(identity: Identity): Verb | null {
  switch (identity.state) {
    case "unsupported":
      return null;
    case "valid":
    case "expiring":
      return "renew";
    case "revoked":
      return isUser(identity) ? "keys" : "sign_in";
    case "expired":
    case "needs_sign_in":
    case "signed_out":
    case "denied":
    case "belongs_elsewhere":
    case "unknown":
      return "sign_in";
  }
}

/** Has long-lived access keys of its own. */
export function isUser({ kind }: Identity): boolean {
  return kind === "aws/user";
}

/** The name part of a role's ARN; a permission set's name is short already. */
export function roleName(role: string): string {
  return role.startsWith("arn:") ? role.slice(role.indexOf("/") + 1) : role;
}

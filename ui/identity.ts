// An identity as the page shows it: what the list says, overtaken by what its session says; and which verbs it offers.
import type { ListedIdentity, SessionStatus, Snapshot, State } from "./contract";
import { texts } from "./texts";
import { secondsLeft } from "./time";

export type Held = {
  listed: ListedIdentity;
  session: SessionStatus | null;
  state: State;
  expires_at: string | null;
};

export type Group = { provider: string | null; title: string; identities: Held[] };

/** `keys`: new long-lived keys are entered first, and a sign-in follows by itself. */
export type Verb = "sign_in" | "renew" | "keys";

/** What the agent calls the provider of identities that have none. */
const NO_PROVIDER = "aws-user";

export function identities(snapshot: Snapshot, now: number): Held[] {
  const sessions = new Map(snapshot.status?.sessions.map((session) => [session.identity, session]));
  return (snapshot.list?.identities ?? []).map((listed) => held(listed, sessions.get(listed.name) ?? null, now));
}

function held(listed: ListedIdentity, session: SessionStatus | null, now: number): Held {
  const { state, expires_at } = session ?? listed;
  const over = expires_at !== null && secondsLeft(expires_at, now) <= 0;
  // The end is known here before anybody tells: nothing is shown as valid that is over.
  return { listed, session, state: over && isUsable(state) ? "expired" : state, expires_at };
}

export function isUsable(state: State): boolean {
  return state === "valid" || state === "expiring";
}

/** In the order of the configuration, those without a provider first: they are what others stand on. */
export function grouped(all: Held[]): Group[] {
  const groups = new Map<string | null, Group>();
  for (const identity of all) {
    const { provider } = identity.listed;
    const key = provider === NO_PROVIDER ? null : provider;
    const group = groups.get(key) ?? { provider: key, title: key ?? texts.identities.standAlone, identities: [] };
    group.identities.push(identity);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => Number(a.provider !== null) - Number(b.provider !== null));
}

/** Every word of the text is somewhere in what is known of the identity. */
export function matches({ listed, state }: Held, text: string): boolean {
  const known = [listed.name, listed.provider, listed.account, listed.role, listed.kind, texts.state[state]];
  const hay = known.filter((it) => it !== null).join("\n").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
}

export function verb({ listed, state }: Held): Verb | null {
  switch (state) {
    case "unsupported":
      return null;
    case "valid":
    case "expiring":
      return "renew";
    case "revoked":
      return isUser(listed) ? "keys" : "sign_in";
    case "expired":
    case "needs_sign_in":
    case "signed_out":
    case "denied":
    case "unknown":
      return "sign_in";
  }
}

/** Has long-lived access keys of its own. */
export function isUser(listed: ListedIdentity): boolean {
  return listed.kind === "aws/user";
}

/** The last part of a role's ARN says which; a permission set's name is short already. */
export function roleInShort(role: string): string {
  return role.startsWith("arn:") ? role.slice(role.indexOf("/") + 1) : role;
}

// A fake of the app's Rust side at the transport: answers commands, sends events, and records every call.
import { emit } from "@tauri-apps/api/event";
import { mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import type { Check, FieldProblem, KeysDraft, Outcome, Prompt, PromptKind, SignedIn, Snapshot, View } from "../contract";
import * as fixtures from "./fixtures";

type Arguments = Record<string, unknown>;
type Reply = (args: Arguments) => unknown;
export type Call = { command: string; args: Arguments };

export class FakeApp {
  calls: Call[] = [];
  snapshot: Snapshot;
  view: View = { view: "identities" };
  label = "main";
  #replies: Record<string, Reply> = {};

  constructor(snapshot: Snapshot = fixtures.team_snapshot()) {
    this.snapshot = snapshot;
  }

  /** Answers a command; a throw or a rejected promise makes it fail. */
  on(command: string, reply: Reply): this {
    this.#replies[command] = reply;
    return this;
  }

  fails(command: string, error: unknown): this {
    return this.on(command, () => Promise.reject(error));
  }

  /** Leaves a command unanswered until the test answers it. */
  holds(command: string): { answer: (value: unknown) => void; fail: (error: unknown) => void } {
    let settle!: { answer: (value: unknown) => void; fail: (error: unknown) => void };
    const held = new Promise((answer, fail) => (settle = { answer, fail }));
    this.on(command, () => held);
    return settle;
  }

  opens(view: View, label = "main"): this {
    this.view = view;
    this.label = label;
    return this;
  }

  install(): this {
    mockWindows(this.label);
    mockIPC((command, args) => this.#answer(command, (args ?? {}) as Arguments), { shouldMockEvents: true });
    return this;
  }

  /** A new snapshot, as Rust sends it. */
  async sends(snapshot: Snapshot): Promise<void> {
    this.snapshot = snapshot;
    await emit("snapshot-changed", snapshot);
  }

  /** What one check has found, while others are open. */
  async checks(found: Check[], open: number): Promise<void> {
    await emit("doctor-progress", { found, open });
  }

  async shows(view: View): Promise<void> {
    await emit("show", view);
  }

  sent(command: string): Arguments[] {
    return this.calls.filter((call) => call.command === command).map(({ args }) => args);
  }

  #answer(command: string, args: Arguments): unknown {
    this.calls.push({ command, args });
    const reply = this.#replies[command] ?? this.#defaults[command];
    if (reply === undefined) throw new Error(`the page called ${command}, which is not there`);
    return reply(args);
  }

  #defaults: Record<string, Reply> = {
    opened: () => this.view,
    snapshot: () => this.snapshot,
    retry: () => this.snapshot,
    sign_in: ({ identity }) => signed_in(String(identity)),
    list_roles: ({ provider }) => ({ notes: [], reached: { listed: { provider, accounts: 3, roles: 12 } } }),
    add_identity_center: () => "corp",
    enter_keys: ({ identity }) => needs(fixtures.prompt(90, fixtures.kinds.new_keys, { identity: String(identity) })),
    answer_keys: () => signed_in("dev-admin"),
    answer_code: () => signed_in("dev-admin"),
    answer_passphrase: () => signed_in("dev-admin"),
    check_keys: ({ draft }) => check(draft as KeysDraft),
    preview_logout: () => fixtures.report(),
    log_out: () => fixtures.done(fixtures.report()),
    rotate_key: ({ identity }) => fixtures.rotated(String(identity)),
    activity: () => fixtures.audit(),
    settings: () => fixtures.settings(),
    doctor: () => fixtures.checks(),
    fix_what_is_safe: () => fixtures.checks(),
    start_at_login: ({ to }) => fixtures.settings({ start_at_login: to as "on" | "off" }),
    key_age: ({ days }) => fixtures.settings({ key_age_days: days as number | null }),
    notify_before: ({ duration }) => fixtures.settings({ notify_before: String(duration) }),
    show_notices: ({ kinds }) => fixtures.settings({ notices: kinds as [] }),
    importable: () => [],
    untrusted_parts: () => ["runs the program `creds --json` (identities.vendor.credentials.process)"],
    assigned_roles: () => fixtures.assigned_roles(),
    import_profiles: ({ names }) => ({ identities: names, notes: [] }),
    ...Object.fromEntries(
      [
        "cancel",
        "open_browser",
        "copy_from_prompt",
        "use_as_default",
        "refresh",
        "copy_environment",
        "copy_profile_name",
        "copy_remedy",
        "open_console",
        "copy_database_token",
        "keep_roles",
        "keep_all_roles",
        "open_database_terminal",
        "open_configuration",
        "add_user",
        "trust_configuration",
        "try_sandbox",
        "leave_sandbox",
        "sandbox_revoke",
        "sandbox_new_key",
        "fit",
        "close_window",
      ].map((command) => [command, () => null]),
    ),
  };
}

/** A program's prompt in a window of its own. */
export function prompt_window(kind: PromptKind, more: Partial<Prompt> = {}): FakeApp {
  const snapshot = fixtures.with_prompts(fixtures.team_snapshot(), fixtures.prompt(7, kind, more));
  return new FakeApp(snapshot).opens({ view: "prompt", prompt: 7 }, "prompt-7");
}

export function signed_in(identity: string): Outcome {
  const reached: SignedIn = {
    identity,
    provider: "aws-user",
    chain: [identity],
    account: "123456789012",
    region: "us-east-1",
    expires_at: fixtures.from_now(36 * fixtures.HOUR),
    source: "keyring",
  };
  return { notes: [], reached: { signed_in: reached } };
}

export function configured(identity: string): Outcome {
  return {
    notes: [{ info: `Credentials saved to keyring: ${identity}` }],
    reached: {
      configured: { identity, access_key_id: "AKIA…MPLE", account: "123456789012", principal: null, checked: true },
    },
  };
}

export function needs(prompt: Prompt): Outcome {
  return { notes: [], reached: { needs: prompt } };
}

function check({ access_key_id, mfa_arn, session_duration }: KeysDraft): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!/^\w{16,128}$/.test(access_key_id.trim())) {
    problems.push({ field: "access_key_id", message: "the access key id is not one", is_warning: false });
  }
  if (mfa_arn.trim() !== "" && !mfa_arn.startsWith("arn:")) {
    problems.push({ field: "mfa_arn", message: `\`${mfa_arn}\` is not an MFA ARN`, is_warning: false });
  }
  if (session_duration.trim() !== "" && !/^\d+[hms]?$/.test(session_duration)) {
    problems.push({ field: "session_duration", message: `\`${session_duration}\` is not a duration`, is_warning: false });
  }
  if (session_duration.trim() === "48h") {
    problems.push({ field: "session_duration", message: "48h was asked for, 36h is used", is_warning: true });
  }
  return problems;
}

// Data as the agent sends it, for tests and pictures. Times are relative to now.
import type {
  Caller,
  Audit,
  AuditLine,
  Error,
  AssignedRole,
  Database,
  Identity,
  OpenPrompt,
  Prompt,
  PromptKind,
  Report,
  Rotated,
  RotationStage,
  Check,
  Settings,
  Snapshot,
} from "../contract";

export const MINUTE = 60;
export const HOUR = 3600;
export const PATH = "/home/kim/.config/keyfob/config.yaml";
export const MFA = "arn:aws:iam::123456789012:mfa/dev";
/** AWS's own examples. */
export const KEY_ID = "AKIAIOSFODNN7EXAMPLE";
export const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

export function from_now(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}

export function identity(name: string, more: Partial<Identity> = {}): Identity {
  return {
    name,
    kind: "aws/user",
    provider: null,
    chain: [name],
    role: null,
    account: "123456789012",
    source: null,
    state: "needs_sign_in",
    hands_out_keys: false,
    issued_at: null,
    expires_at: null,
    expires_in_seconds: null,
    default: false,
    next_refresh: null,
    failing: null,
    last_asker: null,
    ...more,
  };
}

export function rotated(name: string, more: Partial<Rotated> = {}): Rotated {
  return { identity: name, access_key_id: "AKIA…NEWX", old_access_key_id: "AKIA…OLDX", old_key: "deleted", resumed: false, ...more };
}

/** A session of `life` seconds with `left` to go; half a minute is added so that the minute shown does not move. */
export function valid(name: string, left: number, life: number, more: Partial<Identity> = {}): Identity {
  return identity(name, {
    state: "valid",
    issued_at: from_now(left + 30 - life),
    expires_at: from_now(left + 30),
    expires_in_seconds: left + 30,
    source: "keyring: keyfob/default/dev-admin, made 14:02",
    ...more,
  });
}

export const terraform: Caller = { program: "terraform", pid: 4711, person: "absent" };

export function failure(code: Error["code"], message: string, ...hints: string[]): Error {
  return { code, message, hints, context: {}, remedy: "Fix" };
}

export const revoked: Error = {
  code: "aws_credentials_invalid",
  message: "aws credentials are invalid or have been revoked",
  hints: [
    "they were rotated or revoked at AWS",
    "fob user configure --identity dev-admin",
    "stale credentials were cleared from the keyring",
  ],
  context: { identity: "dev-admin", aws_error_code: "InvalidClientTokenId" },
  remedy: "Fix",
};

export function prompt(id: number, kind: PromptKind, more: Partial<Prompt> = {}): Prompt {
  return { id, identity: "dev-admin", kind, attempt: 1, asker: terraform, unanswered: revoked, ...more };
}

export const kinds = {
  keys: { keys: { why: "missing", mfa_arn: MFA, session_duration: 36 * HOUR } },
  revoked: { keys: { why: "revoked", mfa_arn: MFA, session_duration: null } },
  // Not in the generated type yet.
  refused: { keys: { why: "refused", mfa_arn: MFA, session_duration: 36 * HOUR } },
  mismatch: { keys: { why: "secret_mismatch", mfa_arn: MFA, session_duration: 36 * HOUR } },
  new_keys: { keys: { why: "asked", mfa_arn: null, session_duration: 90 * MINUTE } },
  code: { mfa: { device: MFA, refused: null } },
  refused_code: { mfa: { device: MFA, refused: "AWS refused the code; codes are valid for 30 seconds" } },
  unlock: { keyring_passphrase: { path: "/home/kim/ring.age", purpose: "existing", refused: null } },
  other_user: {
    other_user: { stored: "arn:aws:iam::123456789012:user/kim", given: "arn:aws:iam::123456789012:user/pat" },
  },
  program: { program: { program: "ykman", says: "Touch your YubiKey..." } },
  new_passphrase: { keyring_passphrase: { path: "/home/kim/ring.age", purpose: "new", refused: null } },
} satisfies Record<string, PromptKind>;

export function browser(): PromptKind {
  return {
    browser: {
      address: "https://device.sso.eu-central-1.amazonaws.com/?user_code=WXYZ-BCDF",
      code: "WXYZ-BCDF",
      expires_at: from_now(10 * MINUTE),
    },
  };
}

export function paste(refused: string | null): PromptKind {
  const address = "https://eu-central-1.signin.aws.amazon.com/v1/authorize?state=x";
  return { paste: { what: "sign_in_code", address, why: null, refused, expires_at: from_now(10 * MINUTE) } };
}

export function page(refused: string | null): PromptKind {
  const address = "https://idp.example/app/aws";
  return { paste: { what: "saml_assertion", address, why: null, refused, expires_at: from_now(10 * MINUTE) } };
}

export function open(prompt: Prompt): OpenPrompt {
  return { prompt, since: from_now(-20) };
}

export function snapshot(identities: Identity[], more: Partial<Snapshot> = {}): Snapshot {
  const providers = [...new Set(identities.flatMap(({ provider }) => (provider === null ? [] : [provider])))];
  return {
    now: new Date().toISOString(),
    home: "/home/kim",
    configuration: { state: "in_force", path: PATH, problem: null },
    sandbox: null,
    tray: "shown",
    refresh: "runs",
    health: "ok",
    agent: {
      agent: null,
      providers: providers.map((name) => ({ name, kind: "aws/iam-identity-center" })),
      identities,
      prompts: [],
      keyring: null,
    },
    notes: [],
    ...more,
  };
}

export function with_prompts(base: Snapshot, ...prompts: Prompt[]): Snapshot {
  return { ...base, agent: { ...base.agent!, prompts: prompts.map(open) } };
}

/** A rotation that has come so far. */
export function with_rotation(base: Snapshot, identity: string, stage: RotationStage): Snapshot {
  return { ...base, agent: { ...base.agent!, rotations: [{ identity, stage }] } };
}

export function with_no_rotation(base: Snapshot): Snapshot {
  return { ...base, agent: { ...base.agent!, rotations: [] } };
}

export function assigned_roles(): AssignedRole[] {
  return ["dev", "prod", "sandbox"].flatMap((account, n) =>
    ["admin", "viewer"].map((role) => ({ identity: `${account}/${role}`, account: `42000000000${n}`, role })),
  );
}

/** A database with a port of this machine. */
export function database(name: string, more: Partial<Database> = {}): Database {
  return {
    name,
    engine: "postgres",
    host: `${name}.abc.eu-central-1.rds.amazonaws.com`,
    port: 5432,
    user: "app",
    identity: "dev-admin",
    with: "token",
    expires_at: from_now(12 * MINUTE),
    proxy: { port: 15432, connections: 3, problem: null },
    ...more,
  };
}

export function with_databases(base: Snapshot, ...databases: Database[]): Snapshot {
  return { ...base, agent: { ...base.agent!, databases } };
}

/** One of each state. */
export function team(): Identity[] {
  const sso = { provider: "corp-sso", kind: "aws/permission-set" };
  return [
    valid("dev-admin", 35 * HOUR, 36 * HOUR, {
      default: true,
      last_asker: { program: "aws", pid: 8123, at: from_now(-5 * MINUTE) },
    }),
    identity("ci-bot", { state: "revoked", account: "123456789012" }),
    identity("vendor", { kind: "aws/process", state: "signed_out", account: null }),
    valid("org-admin", 7 * HOUR, 8 * HOUR, {
      ...sso,
      chain: ["corp-sso", "org-admin"],
      role: "AdministratorAccess",
      account: "410000000017",
    }),
    valid("deploy", 12 * MINUTE, HOUR, {
      ...sso,
      kind: "aws/assume-role",
      state: "expiring",
      chain: ["corp-sso", "org-admin", "deploy"],
      role: "arn:aws:iam::420000000025:role/deploy",
      account: "420000000025",
      next_refresh: from_now(2 * MINUTE),
      failing: failure("network", "sts.eu-west-1.amazonaws.com could not be reached", "the held session stays in use"),
      last_asker: { program: "terraform", pid: 4711, at: from_now(-90) },
    }),
    identity("audit", {
      ...sso,
      kind: "aws/assume-role",
      state: "denied",
      chain: ["corp-sso", "org-admin", "audit"],
      role: "arn:aws:iam::430000000031:role/auditor-read-only",
      account: "430000000031",
    }),
    identity("data-lake", {
      ...sso,
      state: "expired",
      chain: ["corp-sso", "data-lake"],
      role: "DataEngineer",
      account: "440000000044",
    }),
    identity("azure-ops", { provider: "entra", kind: "azure/subscription", state: "unsupported", account: null }),
  ];
}

export function team_snapshot(more: Partial<Snapshot> = {}): Snapshot {
  return snapshot(team(), more);
}

/** The team, one of its identities changed. */
export function team_with(name: string, changed: Partial<Identity>): Snapshot {
  return snapshot(team().map((it) => (it.name === name ? { ...it, ...changed } : it)));
}

export function report(more: Partial<Report> = {}): Report {
  return {
    subject: "identity",
    target: "deploy",
    mode: "dry_run",
    chain: ["corp-sso", "org-admin", "deploy"],
    identities: ["deploy"],
    steps: [
      {
        what: "keyring",
        name: "deploy",
        path: "session/default/3f9a1c/deploy",
        result: "would_remove",
        detail: "via corp-sso",
      },
      {
        what: "section",
        name: "deploy",
        path: "/home/kim/.aws/keyfob/corp-sso/credentials",
        result: "would_remove",
        detail: null,
      },
      { what: "agent", name: "deploy", path: "memory", result: "would_remove", detail: "held by the running agent" },
      {
        what: "keyring",
        name: "dev",
        path: "keys/default/3f9a1c/dev",
        result: "kept",
        detail: "kept: access key AKIA…MPLE",
      },
      { what: "file", name: "deploy", path: "/home/kim/.aws/keyfob/corp-sso/config", result: "absent", detail: null },
    ],
    others: [{ identity: "org-dev", expires_at: from_now(2 * HOUR) }],
    notes: [],
    ...more,
  };
}

/** The report of the run: every planned step is done. */
export function done(plan: Report): Report {
  return {
    ...plan,
    mode: "run",
    steps: plan.steps.map((step) => (step.result === "would_remove" ? { ...step, result: "removed" } : step)),
  };
}

export function line(number: number, seconds_ago: number, more: Partial<AuditLine> = {}): AuditLine {
  return {
    number,
    time: from_now(-seconds_ago),
    event: "sign_in",
    identity: "dev-admin",
    what: "dev-admin",
    asker: { program: "fob", pid: 4000 + number, user: "kim" },
    previous: "",
    result: "ok",
    ...more,
  } as AuditLine;
}

export function audit(lines: AuditLine[] = day_of_lines(), left_out = 0): Audit {
  return { identities: [], lines, left_out };
}

export function day_of_lines(): AuditLine[] {
  return [
    line(1, 30 * HOUR, { event: "keys_stored", what: "access key AKIA…MPLE" }),
    line(2, 29 * HOUR, { what: "dev-admin" }),
    line(3, 3 * HOUR, {
      event: "refresh",
      identity: "deploy",
      what: "corp-sso → org-admin → deploy",
      asker: { program: "terraform", pid: 4711, user: "kim" },
    }),
    line(4, 2 * HOUR, {
      event: "refresh",
      identity: "audit",
      what: "org-admin → audit",
      asker: { program: "keyfob", pid: 900, user: "kim" },
      result: "failed",
      error: "access_denied",
    } as Partial<AuditLine>),
    line(5, HOUR, {
      event: "revocation",
      identity: "ci-bot",
      what: "access key AKIA…BOTX of the keyring: cleared",
      asker: { program: "keyfob", pid: 900, user: "kim" },
    }),
    line(6, 10 * MINUTE, { event: "removal", identity: "vendor", what: "session/default/3f9a1c/vendor" }),
  ];
}

export function check(name: string, more: Partial<Check> = {}): Check {
  return { name, status: "ok", detail: "it is as it should be", remedy: null, ...more };
}

export function checks(): Check[] {
  return [
    check("configuration", { detail: "/home/kim/.config/keyfob/config.yaml: identities: 12, databases: 2" }),
    check("keyring", { detail: "the system's; it can be read and written" }),
    check("clock", { detail: "as AWS's, to a few minutes at most" }),
    check("network sts.eu-central-1.amazonaws.com", { detail: "it answers, through the proxy proxy.corp.example:3128" }),
    check("identity dev-admin", {
      status: "broken",
      detail: "AWS does not know access key AKIA…MPLE of the keyring: rotated or revoked",
      remedy: "fob user configure dev-admin",
    }),
    check("database orders", {
      status: "broken",
      detail: "the certificate of orders.abc.eu-central-1.rds.amazonaws.com comes from nobody who is trusted here",
      remedy: "AWS's certificates: https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
    }),
    check("AWS_ACCESS_KEY_ID", {
      status: "warning",
      detail: "AWS tools take it before any profile",
      remedy: "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY",
    }),
    check("tray", { detail: "the desktop has one" }),
  ];
}

export function settings(more: Partial<Settings> = {}): Settings {
  return {
    start_at_login: "off",
    notify_before: "30m",
    key_age_days: 90,
    notices: ["keys_revoked", "renewal_refused", "renewal_failing", "expires_soon", "expired", "key_is_old", "person_awaited"],
    configuration: PATH,
    problems: [],
    default_identity: "dev-admin",
    identities: ["dev-admin", "ci-bot", "vendor", "org-admin", "deploy", "audit"],
    version: "0.1.0",
    ...more,
  };
}

/** No identity has a known state. */
export function locked(keyring: Error): Snapshot {
  const base = snapshot(team().map((it) => ({ ...it, state: "unknown", issued_at: null, expires_at: null })));
  return { ...base, health: "attention", agent: { ...base.agent!, keyring } };
}

// The types of what crosses to Rust and back, by the names this page uses. Taken from the commands themselves: what a
// command resolves to is what Rust wrote, whatever names the generator gives to the two directions.
import type { commands } from "./api/app";

type Commands = typeof commands;
type Resolved<C extends keyof Commands> = Awaited<ReturnType<Commands[C]>>;
type Given<C extends keyof Commands> = Parameters<Commands[C]>[0];

export type View = Resolved<"opened">;
export type Snapshot = Resolved<"snapshot">;
export type Configuration = Snapshot["configuration"];
export type SandboxInfo = NonNullable<Snapshot["sandbox"]>;
export type Note = Snapshot["notes"][number];

export type List = NonNullable<Snapshot["list"]>;
export type ListedIdentity = List["identities"][number];
export type State = ListedIdentity["state"];

export type Status = NonNullable<Snapshot["status"]>;
export type SessionStatus = Status["sessions"][number];
export type OpenPrompt = Status["prompts"][number];
export type Prompt = OpenPrompt["prompt"];
export type Caller = Prompt["asker"];
export type PromptKind = Prompt["kind"];
export type Keys = Extract<PromptKind, { keys: unknown }>["keys"];
export type Mfa = Extract<PromptKind, { mfa: unknown }>["mfa"];
export type Passphrase = Extract<PromptKind, { keyring_passphrase: unknown }>["keyring_passphrase"];
export type Browser = Extract<PromptKind, { browser: unknown }>["browser"];
export type WhyKeys = Keys["why"];
export type Error = Prompt["unanswered"];

export type Outcome = Resolved<"signIn">;
export type Reached = Outcome["reached"];
export type SignedIn = Extract<Reached, { signed_in: unknown }>["signed_in"];
export type KeysDraft = Given<"checkKeys">;
export type KeysField = FieldProblem["field"];
export type FieldProblem = Resolved<"checkKeys">[number];

export type Target = Given<"previewLogout">;
export type Report = Resolved<"previewLogout">;
export type RemovalStep = Report["steps"][number];
export type StepResult = RemovalStep["result"];
export type What = RemovalStep["what"];

export type Audit = Resolved<"activity">;
export type AuditLine = Audit["lines"][number];
export type AuditEvent = AuditLine["event"];

export type Settings = Resolved<"settings">;
export type NoticeKind = Settings["notices"][number];
export type Severity = Settings["problems"][number]["severity"];
export type Refresh = Snapshot["refresh"];
export type Importable = Resolved<"importable">[number];

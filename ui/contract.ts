// The types of the commands and their replies, under the names that this page uses. Derived from the commands themselves,
// because the generator may name the two directions of a type differently.
import type { commands } from "./api/app";

type Commands = typeof commands;
type Resolved<C extends keyof Commands> = Awaited<ReturnType<Commands[C]>>;
type Given<C extends keyof Commands> = Parameters<Commands[C]>[0];

export type View = Resolved<"opened">;
export type Snapshot = Resolved<"snapshot">;
export type Configuration = Snapshot["configuration"];
export type SandboxInfo = NonNullable<Snapshot["sandbox"]>;
export type Note = Snapshot["notes"][number];

type Agent = NonNullable<Snapshot["agent"]>;
export type Identity = Agent["identities"][number];
export type State = Identity["state"];
export type Database = NonNullable<Agent["databases"]>[number];

export type OpenPrompt = Agent["prompts"][number];
export type Prompt = OpenPrompt["prompt"];
export type Caller = Prompt["asker"];
export type PromptKind = Prompt["kind"];
export type Keys = Extract<PromptKind, { keys: unknown }>["keys"];
export type Mfa = Extract<PromptKind, { mfa: unknown }>["mfa"];
export type Passphrase = Extract<PromptKind, { keyring_passphrase: unknown }>["keyring_passphrase"];
export type OtherUser = Extract<PromptKind, { other_user: unknown }>["other_user"];
export type Program = Extract<PromptKind, { program: unknown }>["program"];
export type Paste = Extract<PromptKind, { paste: unknown }>["paste"];
export type Browser = Extract<PromptKind, { browser: unknown }>["browser"];
export type WhyKeys = Keys["why"];
export type Renewal = Parameters<Commands["signIn"]>[1];
export type Error = Prompt["unanswered"];

export type Outcome = Resolved<"signIn">;
export type Reached = Outcome["reached"];
export type SignedIn = Extract<Reached, { signed_in: unknown }>["signed_in"];
export type KeysDraft = Given<"checkKeys">;
export type KeysField = FieldProblem["field"];
export type FieldProblem = Resolved<"checkKeys">[number];

export type Rotated = Resolved<"rotateKey">;
export type OldKey = Rotated["old_key"];
export type RotationStage = NonNullable<Agent["rotations"]>[number]["stage"];

export type Target = Given<"previewLogout">;
export type Report = Resolved<"previewLogout">;
export type RemovalStep = Report["steps"][number];
export type StepResult = RemovalStep["result"];
export type What = RemovalStep["what"];

export type Audit = Resolved<"activity">;
export type AuditLine = Audit["lines"][number];
export type AuditEvent = AuditLine["event"];

export type Check = Resolved<"doctor">[number];
export type CheckStatus = Check["status"];

export type Settings = Resolved<"settings">;
export type NoticeKind = Settings["notices"][number];
export type Severity = Settings["problems"][number]["severity"];
export type Refresh = Snapshot["refresh"];
export type AssignedRole = NonNullable<Resolved<"assignedRoles">>[number];
export type Importable = Resolved<"importable">[number];

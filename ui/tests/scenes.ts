// Every view and state of the page, by name: what the desk says, and what a person then does. The tests look at each for
// accessibility, the pictures show each.
import type { Screen } from "@testing-library/svelte";
import type { UserEvent } from "@testing-library/user-event";
import type { Snapshot } from "../contract";
import { Desk } from "./desk";
import * as fixtures from "./fixtures";
import { HOUR, MINUTE } from "./fixtures";

type Hands = { screen: Screen; user: UserEvent };
export type Scene = { desk: () => Desk; act?: (hands: Hands) => Promise<void> };

const LONG = "a-very-long-identity-name-that-somebody-generated-from-an-organisation-chart-and-never-looked-at-again";

function main(snapshot: Snapshot): Desk {
  return new Desk(snapshot);
}

function asked(kind: Parameters<typeof fixtures.prompt>[1], more = {}): Desk {
  const asked = fixtures.prompt(7, kind, more);
  return main(fixtures.with_prompts(fixtures.team_snapshot(), asked)).opens({ view: "prompt", prompt: 7 }, "prompt-7");
}

const missing = (): Snapshot =>
  fixtures.snapshot([], { configuration: { state: "missing", path: fixtures.PATH }, list: null, status: null });

const broken = fixtures.failure(
  "config_invalid",
  "line 12: `via` names an identity that is not there: org-admn",
  "did you mean org-admin?",
  "fob validate",
);

const sandbox = { url: "http://127.0.0.1:4599", mfa_code: "123456", users: ["dev", "ops"] };

export const scenes: Record<string, Scene> = {
  identities: { desk: () => main(fixtures.team_snapshot()) },
  "identities-details": {
    desk: () => main(fixtures.team_snapshot()),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: /deploy/, expanded: false })),
  },
  "identities-waiting": {
    desk: () =>
      main(
        fixtures.with_prompts(
          fixtures.team_snapshot(),
          fixtures.prompt(7, fixtures.asks.code),
          fixtures.prompt(8, fixtures.asks.revoked, {
            identity: "ci-bot",
            asker: { program: "make", pid: 99, person: "absent" },
          }),
        ),
      ),
  },
  "identities-200": {
    desk: () =>
      main(
        fixtures.snapshot(
          Array.from({ length: 200 }, (_, n) =>
            n % 3 === 0
              ? fixtures.listed(`team-${n}/service`, { provider: `org-${n % 4}` })
              : fixtures.held(`team-${n}/service`, (n % 11) * HOUR + 5 * MINUTE, 12 * HOUR, {
                  provider: `org-${n % 4}`,
                  role: `arn:aws:iam::420000000025:role/service-${n}`,
                }),
          ),
        ),
      ),
  },
  "identities-long-and-rtl": {
    desk: () =>
      main(
        fixtures.snapshot([
          fixtures.held(LONG, 35 * HOUR, 36 * HOUR, { default: true, role: `arn:aws:iam::420000000025:role/${LONG}` }),
          fixtures.listed("مدير-النظام", { state: "needs_sign_in" }),
          fixtures.held("מנהל-מערכת", 40 * MINUTE, HOUR, { provider: "ספק-הזדהות", state: "expiring" }),
          fixtures.listed(`${LONG}-two`, { provider: `${LONG}-provider`, state: "revoked" }),
        ]),
      ),
    act: async ({ screen, user }) => user.click((await screen.findAllByRole("button", { expanded: false }))[0]!),
  },
  "identities-none": { desk: () => main(fixtures.snapshot([])) },
  "identities-no-match": {
    desk: () => main(fixtures.team_snapshot()),
    act: async ({ screen, user }) => user.type(await screen.findByRole("searchbox"), "nothing like it"),
  },
  "identities-failure": {
    desk: () =>
      main(fixtures.team_snapshot()).fails("sign_in", {
        ...fixtures.failure(
          "access_denied",
          "audit may not be assumed: sts:AssumeRole is refused",
          "look at the trust policy of the role and its external id",
          "`fob whoami org-admin` says who asks",
        ),
        context: { identity: "audit", step: "org-admin → audit", aws_error_code: "AccessDenied" },
      }),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: "Sign in: audit" })),
  },
  "identities-signed-in": {
    desk: () => main(fixtures.team_snapshot()),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: "Sign in: data-lake" })),
  },
  "banners-broken-file": {
    desk: () =>
      main(fixtures.team_snapshot({ configuration: { state: "in_force", path: fixtures.PATH, problem: broken } })),
  },
  "banners-keyring": {
    desk: () =>
      main(
        fixtures.locked(fixtures.failure("keyring_locked", "the keyring is locked", "unlock it, then press Retry")),
      ),
  },
  "banners-calm": {
    desk: () =>
      main(
        fixtures.team_snapshot({
          tray: "missing",
          refresh: "paused",
          health: "offline",
          notes: [{ warning: "session.duration of deploy is 4h; a chained role gets 1h" }, { info: "the agent was restarted" }],
        }),
      ),
  },
  sandbox: {
    desk: () =>
      main(
        fixtures.snapshot(
          [
            fixtures.listed("dev", { default: true }),
            fixtures.listed("deploy", { kind: "aws/assume-role", role: "arn:aws:iam::420000000025:role/deploy" }),
          ],
          { sandbox },
        ),
      ),
  },
  "prompt-keys": { desk: () => asked(fixtures.asks.keys) },
  "prompt-keys-revoked": { desk: () => asked(fixtures.asks.revoked) },
  "prompt-keys-mismatch": { desk: () => asked(fixtures.asks.mismatch, { attempt: 2 }) },
  "prompt-keys-problems": {
    desk: () => asked(fixtures.asks.keys),
    act: async ({ screen, user }) => {
      await user.type(await screen.findByLabelText("Access key ID"), "AKIA nonsense");
      await user.type(screen.getByLabelText("Secret access key"), "two words");
      await user.clear(screen.getByLabelText("Session duration"));
      await user.type(screen.getByLabelText("Session duration"), "12x");
      await screen.findByText("12x", { selector: "code" });
    },
  },
  "prompt-keys-pasted": {
    desk: () =>
      asked(fixtures.asks.keys).on("paste", () => ({
        access_key_id: fixtures.KEY_ID,
        secret_characters: 40,
        mfa_arn: null,
        session_duration: null,
      })),
    act: async ({ screen, user }) => {
      await user.click(await screen.findByLabelText("Access key ID"));
      await user.paste(`Access key ID,Secret access key\n${fixtures.KEY_ID},${fixtures.SECRET}\n`);
      await screen.findByPlaceholderText("pasted, 40 characters");
    },
  },
  "prompt-keys-refused": {
    desk: () => asked(fixtures.asks.keys).fails("answer_keys", fixtures.revoked),
    act: async ({ screen, user }) => {
      await user.type(await screen.findByLabelText("Access key ID"), fixtures.KEY_ID);
      await user.type(screen.getByLabelText("Secret access key"), fixtures.SECRET);
      await user.click(screen.getByRole("button", { name: "Store and sign in" }));
      await screen.findByText(/Aws credentials are invalid/i);
    },
  },
  "prompt-code": { desk: () => asked(fixtures.asks.code) },
  "prompt-code-refused": { desk: () => asked(fixtures.asks.refused_code, { attempt: 2 }) },
  "prompt-code-letters": {
    desk: () => asked(fixtures.asks.code),
    act: async ({ screen, user }) => user.type(await screen.findByLabelText("MFA code"), "12a4"),
  },
  "prompt-browser": { desk: () => asked(fixtures.browser()) },
  "prompt-unlock": { desk: () => asked(fixtures.asks.unlock, { identity: "" }) },
  "prompt-unlock-new": {
    desk: () => asked(fixtures.asks.new_passphrase, { identity: "" }),
    act: async ({ screen, user }) => {
      await user.type(await screen.findByLabelText("Passphrase"), "one");
      await user.type(screen.getByLabelText("Passphrase again"), "two");
      await user.click(screen.getByRole("button", { name: "Make keyring" }));
    },
  },
  "prompt-gone": {
    desk: () => main(fixtures.team_snapshot()).opens({ view: "prompt", prompt: 7 }, "prompt-7"),
    act: async ({ screen }) => {
      await screen.findByRole("heading", { name: /answered elsewhere/ }, { timeout: 3000 });
    },
  },
  "sheet-code": {
    desk: () => main(fixtures.with_prompts(fixtures.team_snapshot(), fixtures.prompt(7, fixtures.asks.code))),
    act: async ({ screen, user }) => {
      await user.click(await screen.findByRole("button", { name: /Enter code/ }));
      await screen.findByLabelText("MFA code");
    },
  },
  "sheet-keys": {
    desk: () => main(fixtures.with_prompts(fixtures.team_snapshot(), fixtures.prompt(7, fixtures.asks.revoked))),
    act: async ({ screen, user }) => {
      await user.click(await screen.findByRole("button", { name: /Enter keys/ }));
      await screen.findByLabelText("Access key ID");
    },
  },
  "log-out": {
    desk: () =>
      main(fixtures.team_snapshot()).opens({
        view: "log_out",
        target: { identity: { name: "deploy", depth: "chain" } },
      }),
  },
  "log-out-forget": {
    desk: () => main(fixtures.team_snapshot()).opens({ view: "log_out", target: "all" }),
    act: async ({ screen, user }) => user.click(await screen.findByLabelText(/Also forget the access key/)),
  },
  "log-out-nothing": {
    desk: () =>
      main(fixtures.team_snapshot())
        .on("preview_logout", () =>
          fixtures.report({ steps: fixtures.report().steps.filter((it) => it.result === "absent"), others: [] }),
        )
        .opens({ view: "log_out", target: { provider: "corp-sso" } }),
  },
  "log-out-done": {
    desk: () =>
      main(fixtures.team_snapshot())
        .on("log_out", () => {
          const report = fixtures.done(fixtures.report({ notes: ["the SSO token was ended at AWS"] }));
          const failed = { what: "folder", name: "corp-sso", path: "/home/kim/.aws/keyfob/corp-sso" } as const;
          report.steps.push({ ...failed, result: "failed", detail: "permission denied" });
          return report;
        })
        .opens({ view: "log_out", target: { provider: "corp-sso" } }),
    act: async ({ screen, user }) => {
      await screen.findByText("Will be removed");
      await user.click(screen.getByRole("button", { name: "Log out" }));
      await screen.findByText("Could not be removed");
    },
  },
  activity: {
    desk: () =>
      main(fixtures.team_snapshot())
        .on("activity", () => fixtures.audit(fixtures.day_of_lines(), 120))
        .opens({ view: "activity" }),
  },
  "activity-empty": {
    desk: () => main(fixtures.team_snapshot()).on("activity", () => fixtures.audit([])).opens({ view: "activity" }),
  },
  "activity-failure": {
    desk: () =>
      main(fixtures.team_snapshot())
        .fails("activity", fixtures.failure("files_unwritable", "the audit log could not be read", "fob audit verify"))
        .opens({ view: "activity" }),
  },
  settings: { desk: () => main(fixtures.team_snapshot()).opens({ view: "settings" }) },
  "settings-problems": {
    desk: () =>
      main(fixtures.team_snapshot())
        .on("settings", () =>
          fixtures.settings({
            default_identity: null,
            problems: [
              { severity: "error", line: 12, column: 9, message: "`via` names an identity that is not there: org-admn" },
              { severity: "warning", line: 31, column: 5, message: "`logs` is not Keyfob's and is left alone" },
            ],
          }),
        )
        .fails("notify_before", fixtures.failure("invalid_input", "`12x` is not a duration", "durations look like 30m"))
        .opens({ view: "settings" }),
    act: async ({ screen, user }) => {
      const field = await screen.findByLabelText("Lead time");
      await user.clear(field);
      await user.type(field, "12x");
      await user.click(screen.getByRole("button", { name: "Save" }));
    },
  },
  "first-run": { desk: () => main(missing()) },
  "first-run-key": {
    desk: () => main(missing()),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: /Add an access key/ })),
  },
  "first-run-import": {
    desk: () =>
      main(missing()).on("importable", () => [
        { profile: "default", what: "IAM user", obstacle: null },
        { profile: "deploy", what: "role through default", obstacle: null },
        { profile: "legacy", what: "credential_process", obstacle: "its program is not there: /opt/old/creds" },
      ]),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: /Import from/ })),
  },
  unusable: {
    desk: () =>
      main({ ...missing(), configuration: { state: "unusable", path: fixtures.PATH, error: broken } }),
  },
  "agent-fails": { desk: () => main(missing()).fails("snapshot", "panicked at owner.rs") },
};

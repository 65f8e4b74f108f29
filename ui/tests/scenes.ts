// Every view and state of the page, by name: the replies of the app, and the steps of the user. The tests check each for
// accessibility, the pictures show each.
import type { Screen } from "@testing-library/svelte";
import type { UserEvent } from "@testing-library/user-event";
import type { Snapshot } from "../contract";
import { FakeApp, needs, prompt_window } from "./fake-app";
import * as fixtures from "./fixtures";
import { HOUR, MINUTE } from "./fixtures";

type Hands = { screen: Screen; user: UserEvent };
export type Scene = { app: () => FakeApp; act?: (hands: Hands) => Promise<void> };

const LONG = "a-very-long-identity-name-that-was-generated-from-an-organisation-chart-and-never-looked-at-again";

function main(snapshot: Snapshot): FakeApp {
  return new FakeApp(snapshot);
}

const missing = (): Snapshot =>
  fixtures.snapshot([], { configuration: { state: "missing", path: fixtures.PATH }, agent: null });

const untrusted = fixtures.failure("config_untrusted", "the configuration is not trusted yet", "`fob trust` shows it");
const broken = fixtures.failure(
  "config_invalid",
  "line 12: `via` names an identity that is not there: org-admn",
  "did you mean org-admin?",
  "fob validate",
);

const sandbox = { url: "http://127.0.0.1:4599", mfa_code: "123456", users: ["dev", "ops"] };

export const scenes: Record<string, Scene> = {
  identities: { app: () => main(fixtures.team_snapshot()) },
  "identities-details": {
    app: () => main(fixtures.team_snapshot()),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: /deploy/, expanded: false })),
  },
  rotation: {
    app: () => {
      const access_key = { id: "AKIA…OLDX", since: fixtures.from_now(-97 * 24 * HOUR), is_old: true };
      const dev = fixtures.valid("dev", 35 * HOUR, 36 * HOUR, { access_key });
      return main(fixtures.with_rotation(fixtures.snapshot([dev]), "dev", "checking"));
    },
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: /dev/, expanded: false })),
  },
  databases: {
    app: () =>
      main(
        fixtures.with_databases(
          fixtures.snapshot(fixtures.team().slice(0, 2)),
          fixtures.database("orders"),
          fixtures.database("lake", {
            with: "password",
            expires_at: null,
            proxy: {
              port: 15433,
              connections: 0,
              problem: fixtures.failure(
                "files_unwritable",
                "cannot listen on port 15433 of 127.0.0.1 for lake: Address already in use",
                "another program may listen there: choose another port",
              ),
            },
          }),
        ),
      ),
  },
  roles: {
    app: () => main(fixtures.team_snapshot()),
    act: async ({ screen, user }) => {
      await user.click(await screen.findByRole("button", { name: "Roles of corp-sso…" }));
      await user.click(await screen.findByRole("checkbox", { name: /^prod\/admin/ }));
    },
  },
  "identities-waiting": {
    app: () =>
      main(
        fixtures.with_prompts(
          fixtures.team_snapshot(),
          fixtures.prompt(7, fixtures.kinds.code),
          fixtures.prompt(8, fixtures.kinds.revoked, {
            identity: "ci-bot",
            asker: { program: "make", pid: 99, person: "absent" },
          }),
        ),
      ),
  },
  "identities-200": {
    app: () =>
      main(
        fixtures.snapshot(
          Array.from({ length: 200 }, (_, n) =>
            n % 3 === 0
              ? fixtures.identity(`team-${n}/service`, { provider: `org-${n % 4}` })
              : fixtures.valid(`team-${n}/service`, (n % 11) * HOUR + 5 * MINUTE, 12 * HOUR, {
                  provider: `org-${n % 4}`,
                  role: `arn:aws:iam::420000000025:role/service-${n}`,
                }),
          ),
        ),
      ),
  },
  "identities-long-and-rtl": {
    app: () =>
      main(
        fixtures.snapshot([
          fixtures.valid(LONG, 35 * HOUR, 36 * HOUR, { default: true, role: `arn:aws:iam::420000000025:role/${LONG}` }),
          fixtures.identity("مدير-النظام", { state: "needs_sign_in" }),
          fixtures.valid("מנהל-מערכת", 40 * MINUTE, HOUR, { provider: "ספק-הזדהות", state: "expiring" }),
          fixtures.identity(`${LONG}-two`, { provider: `${LONG}-provider`, state: "revoked" }),
        ]),
      ),
    act: async ({ screen, user }) => user.click((await screen.findAllByRole("button", { expanded: false }))[0]!),
  },
  "identities-none": { app: () => main(fixtures.snapshot([])) },
  "identities-no-match": {
    app: () => main(fixtures.team_snapshot()),
    act: async ({ screen, user }) => user.type(await screen.findByRole("searchbox"), "nothing like it"),
  },
  "identities-failure": {
    app: () =>
      main(fixtures.team_snapshot()).fails("sign_in", {
        ...fixtures.failure(
          "access_denied",
          "audit may not be assumed: sts:AssumeRole is refused",
          "look at the trust policy of the role and its external id",
          "`fob whoami org-admin` shows the caller",
        ),
        context: { identity: "audit", step: "org-admin → audit", aws_error_code: "AccessDenied" },
      }),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: "Sign in: audit" })),
  },
  "identities-signed-in": {
    app: () => main(fixtures.team_snapshot()),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: "Sign in: data-lake" })),
  },
  "banners-broken-file": {
    app: () =>
      main(fixtures.team_snapshot({ configuration: { state: "in_force", path: fixtures.PATH, problem: broken } })),
  },
  "banners-untrusted": {
    app: () =>
      main(fixtures.team_snapshot({ configuration: { state: "in_force", path: fixtures.PATH, problem: untrusted } })),
  },
  "banners-keyring": {
    app: () =>
      main(
        fixtures.locked(fixtures.failure("keyring_locked", "the keyring is locked", "unlock it, then press Retry")),
      ),
  },
  "banners-calm": {
    app: () =>
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
    app: () =>
      main(
        fixtures.snapshot(
          [
            fixtures.identity("dev", { default: true }),
            fixtures.identity("deploy", { kind: "aws/assume-role", role: "arn:aws:iam::420000000025:role/deploy" }),
          ],
          { sandbox },
        ),
      ),
  },
  "prompt-keys": { app: () => prompt_window(fixtures.kinds.keys) },
  "prompt-keys-revoked": { app: () => prompt_window(fixtures.kinds.revoked) },
  "prompt-keys-mismatch": { app: () => prompt_window(fixtures.kinds.mismatch, { attempt: 2 }) },
  "prompt-keys-problems": {
    app: () => prompt_window(fixtures.kinds.keys),
    act: async ({ screen, user }) => {
      await user.type(await screen.findByLabelText("Access key ID"), "AKIA nonsense");
      await user.type(screen.getByLabelText("Secret access key"), "two words");
      await user.clear(screen.getByLabelText("Session duration"));
      await user.type(screen.getByLabelText("Session duration"), "12x");
      await screen.findByText("12x", { selector: "code" });
    },
  },
  "prompt-keys-pasted": {
    app: () =>
      prompt_window(fixtures.kinds.keys).on("paste", () => ({
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
    app: () =>
      prompt_window(fixtures.kinds.keys).on("answer_keys", () =>
        needs(fixtures.prompt(8, fixtures.kinds.refused, { attempt: 2, unanswered: fixtures.revoked })),
      ),
    act: async ({ screen, user }) => {
      await user.type(await screen.findByLabelText("Access key ID"), fixtures.KEY_ID);
      await user.type(screen.getByLabelText("Secret access key"), fixtures.SECRET);
      await user.click(screen.getByRole("button", { name: "Store and sign in" }));
      await screen.findByText(/Aws credentials are invalid/i);
    },
  },
  "prompt-failed": {
    app: () =>
      prompt_window(fixtures.kinds.code).fails(
        "answer_code",
        fixtures.failure("network", "AWS could not be reached", "check the network connection"),
      ),
    act: async ({ screen, user }) => {
      await user.type(await screen.findByLabelText("MFA code"), "123456");
      await screen.findByRole("button", { name: "Try again" });
    },
  },
  "prompt-code": { app: () => prompt_window(fixtures.kinds.code) },
  "prompt-code-refused": { app: () => prompt_window(fixtures.kinds.refused_code, { attempt: 2 }) },
  "prompt-code-letters": {
    app: () => prompt_window(fixtures.kinds.code),
    act: async ({ screen, user }) => user.type(await screen.findByLabelText("MFA code"), "12a4"),
  },
  "prompt-program": { app: () => prompt_window(fixtures.kinds.program) },
  "prompt-browser": { app: () => prompt_window(fixtures.browser()) },
  "prompt-unlock": { app: () => prompt_window(fixtures.kinds.unlock, { identity: "" }) },
  "prompt-unlock-new": {
    app: () => prompt_window(fixtures.kinds.new_passphrase, { identity: "" }),
    act: async ({ screen, user }) => {
      await user.type(await screen.findByLabelText("Passphrase"), "one");
      await user.type(screen.getByLabelText("Repeat passphrase"), "two");
      await user.click(screen.getByRole("button", { name: "Create keyring" }));
    },
  },
  "prompt-gone": {
    app: () => main(fixtures.team_snapshot()).opens({ view: "prompt", prompt: 7 }, "prompt-7"),
    act: async ({ screen }) => {
      await screen.findByRole("heading", { name: /answered elsewhere/ }, { timeout: 3000 });
    },
  },
  "sheet-code": {
    app: () => main(fixtures.with_prompts(fixtures.team_snapshot(), fixtures.prompt(7, fixtures.kinds.code))),
    act: async ({ screen, user }) => {
      await user.click(await screen.findByRole("button", { name: /Enter code/ }));
      await screen.findByLabelText("MFA code");
    },
  },
  "sheet-keys": {
    app: () => main(fixtures.with_prompts(fixtures.team_snapshot(), fixtures.prompt(7, fixtures.kinds.revoked))),
    act: async ({ screen, user }) => {
      await user.click(await screen.findByRole("button", { name: /Enter keys/ }));
      await screen.findByLabelText("Access key ID");
    },
  },
  "log-out": {
    app: () =>
      main(fixtures.team_snapshot()).opens({
        view: "log_out",
        target: { identity: { name: "deploy", depth: "chain" } },
      }),
  },
  "log-out-forget": {
    app: () => main(fixtures.team_snapshot()).opens({ view: "log_out", target: "all" }),
    act: async ({ screen, user }) => user.click(await screen.findByLabelText(/Also forget the access key/)),
  },
  "log-out-nothing": {
    app: () =>
      main(fixtures.team_snapshot())
        .on("preview_logout", () =>
          fixtures.report({ steps: fixtures.report().steps.filter((it) => it.result === "absent"), others: [] }),
        )
        .opens({ view: "log_out", target: { provider: "corp-sso" } }),
  },
  "log-out-done": {
    app: () =>
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
    app: () =>
      main(fixtures.team_snapshot())
        .on("activity", () => fixtures.audit(fixtures.day_of_lines(), 120))
        .opens({ view: "activity" }),
  },
  "activity-empty": {
    app: () => main(fixtures.team_snapshot()).on("activity", () => fixtures.audit([])).opens({ view: "activity" }),
  },
  "activity-failure": {
    app: () =>
      main(fixtures.team_snapshot())
        .fails("activity", fixtures.failure("files_unwritable", "the audit log could not be read", "fob audit verify"))
        .opens({ view: "activity" }),
  },
  settings: { app: () => main(fixtures.team_snapshot()).opens({ view: "settings" }) },
  "settings-problems": {
    app: () =>
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
  doctor: { app: () => main(fixtures.team_snapshot()).opens({ view: "doctor" }) },
  "doctor-sound": {
    app: () =>
      main(fixtures.team_snapshot())
        .on("doctor", () => fixtures.checks().filter(({ status }) => status === "ok"))
        .opens({ view: "doctor" }),
  },
  "first-run": { app: () => main(missing()) },
  "first-run-key": {
    app: () => main(missing()),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: /Add an access key/ })),
  },
  "first-run-portal": {
    app: () => main(missing()),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: /IAM Identity Center/ })),
  },
  "first-run-import": {
    app: () =>
      main(missing()).on("importable", () => [
        { profile: "default", what: "IAM user", obstacle: null, notes: [] },
        {
          profile: "my team",
          what: "role through default",
          obstacle: null,
          notes: ["the profile `my team` becomes the identity `my-team`"],
        },
        { profile: "legacy", what: "credential_process", obstacle: "its program is not there: /opt/old/creds", notes: [] },
      ]),
    act: async ({ screen, user }) => user.click(await screen.findByRole("button", { name: /Import from/ })),
  },
  untrusted: {
    app: () =>
      main({ ...missing(), configuration: { state: "unusable", path: fixtures.PATH, error: untrusted } }),
  },
  unusable: {
    app: () =>
      main({ ...missing(), configuration: { state: "unusable", path: fixtures.PATH, error: broken } }),
  },
  "agent-fails": { app: () => main(missing()).fails("snapshot", "panicked at owner.rs") },
};

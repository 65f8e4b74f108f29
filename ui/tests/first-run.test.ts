import { screen, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { configured, needs, signed_in } from "./fake-app";
import * as fixtures from "./fixtures";
import { KEY_ID, SECRET } from "./fixtures";
import { open, announced } from "./page";
import { scenes } from "./scenes";

const first = () => scenes["first-run"]!.app();
const way = (name: RegExp) => screen.getByRole<HTMLButtonElement>("button", { name });

test("without a configuration the ways to a first identity are shown, and where it will be", async () => {
  await open(first());
  expect(screen.getByRole("heading", { name: "Set up Keyfob" })).toBeTruthy();
  expect(document.body.textContent).toContain("~/.config/keyfob/config.yaml");
  expect(screen.getAllByRole("listitem")[0]!.textContent).toContain("Sign in with your AWS console account");
});

test("settings are reached without a configuration", async () => {
  const user = await open(first());
  await user.click(screen.getByRole("button", { name: "Settings" }));
  expect(await screen.findByLabelText("Start at login")).toBeTruthy();
});

test("the sandbox is signed in to within three clicks", async () => {
  const app = first();
  app.on("try_sandbox", async () => {
    await app.sends(scenes["sandbox"]!.app().snapshot);
    return null;
  });
  const user = await open(app);
  await user.click(way(/Try the sandbox/));
  await user.click(await screen.findByRole("button", { name: "Sign in: dev" }));
  expect(app.sent("sign_in")).toEqual([{ identity: "dev", renewal: "when_due" }]);
  await waitFor(() => expect(announced()).toContain("Signed in to dev"));
});

test("a sandbox that does not start is an error", async () => {
  const app = first().fails("try_sandbox", fixtures.failure("files_unwritable", "no port is free", "try again"));
  const user = await open(app);
  await user.click(way(/Try the sandbox/));
  expect((await screen.findByRole("alert")).textContent).toContain("No port is free");
});

test("an access key is added, entered, and signed in with", async () => {
  const app = first()
    .on("enter_keys", () => needs(fixtures.prompt(60, { keys: { why: "missing", mfa_arn: null, session_duration: null } }, { identity: "ops" })))
    .on("answer_keys", () => configured("ops"))
    .on("sign_in", () => needs(fixtures.prompt(61, fixtures.kinds.code, { identity: "ops" })))
    .on("answer_code", () => signed_in("ops"));
  const user = await open(app);
  await user.click(way(/Add an access key/));
  const name = screen.getByLabelText<HTMLInputElement>("Name");
  expect(name.value).toBe("dev");
  expect(screen.getByLabelText<HTMLInputElement>("Region").value).toBe("us-east-1");
  await user.clear(name);
  await user.type(name, "ops");
  await user.click(screen.getByRole("button", { name: "Add" }));
  expect(app.sent("add_user")).toEqual([{ user: { name: "ops", region: "us-east-1", signs_in_with: "access_keys" } }]);
  await user.type(await screen.findByLabelText("Access key ID"), KEY_ID);
  await user.type(screen.getByLabelText("Secret access key"), SECRET);
  await user.click(screen.getByRole("button", { name: "Store and sign in" }));
  await user.type(await screen.findByLabelText("MFA code"), "123456");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(app.sent("answer_keys").map(({ prompt }) => prompt)).toEqual([60]);
  expect(app.sent("answer_code").map(({ prompt }) => prompt)).toEqual([61]);
});

test("a user without a name is not sent; one that is refused stays in the form", async () => {
  const app = first().fails("add_user", fixtures.failure("invalid_input", "there is an identity dev already"));
  const user = await open(app);
  await user.click(way(/Add an access key/));
  await user.clear(screen.getByLabelText("Name"));
  await user.click(screen.getByRole("button", { name: "Add" }));
  expect(screen.getByText("The name is required")).toBeTruthy();
  expect(app.sent("add_user")).toHaveLength(0);
  await user.type(screen.getByLabelText("Name"), "dev");
  await user.click(screen.getByRole("button", { name: "Add" }));
  expect((await screen.findByRole("alert")).textContent).toContain("There is an identity dev already");
  expect(screen.getByLabelText<HTMLInputElement>("Name").value).toBe("dev");
  expect(app.sent("enter_keys")).toHaveLength(0);
});

test("profiles are imported as chosen; those with an obstacle show it and cannot be chosen", async () => {
  const scene = scenes["first-run-import"]!;
  const app = scene.app();
  const user = await open(app);
  await scene.act!({ screen, user });
  expect((await screen.findByLabelText<HTMLInputElement>(/legacy/)).disabled).toBe(true);
  expect(document.body.textContent).toContain("its program is not there");
  expect(document.body.textContent).toContain("becomes the identity `my-team`");
  await user.click(screen.getByLabelText(/^default/));
  await user.click(screen.getByRole("button", { name: "Import 1 profile" }));
  expect(app.sent("import_profiles")).toEqual([{ names: ["my team"] }]);
  await waitFor(() => expect(announced()).toContain("Imported 1 identity"));
});

test("an empty ~/.aws is shown as such", async () => {
  const user = await open(first());
  await user.click(way(/Import from/));
  expect(await screen.findByText(/Nothing to import/)).toBeTruthy();
});

test("Esc in a form of the first run goes back to the ways", async () => {
  const app = first();
  const user = await open(app);
  await user.click(way(/Add an access key/));
  await user.keyboard("{Escape}");
  expect(screen.getByRole("heading", { name: "Set up Keyfob" })).toBeTruthy();
  expect(app.sent("close_window")).toHaveLength(0);
});

test("an unusable configuration says why, is opened, and read again", async () => {
  const app = scenes["unusable"]!.app().on("retry", () => fixtures.team_snapshot());
  const user = await open(app);
  expect(screen.getByRole("heading", { name: "The configuration cannot be used" })).toBeTruthy();
  expect(document.body.textContent).toContain("did you mean org-admin?");
  await user.click(screen.getByRole("button", { name: "Open file" }));
  expect(app.sent("open_configuration")).toHaveLength(1);
  await user.click(screen.getByRole("button", { name: "Retry" }));
  expect(await screen.findByRole("region", { name: "corp-sso" })).toBeTruthy();
});

test("another cause that keeps the agent from starting is not blamed on the file", async () => {
  const error = { code: "lock_timeout" as const, message: "another agent keeps the place", hints: ["end it, then try again"] };
  const app = scenes["unusable"]!
    .app()
    .on("snapshot", () => ({
      ...fixtures.team_snapshot(),
      agent: null,
      configuration: { state: "unusable", path: fixtures.PATH, error },
    }));
  await open(app);
  expect(screen.getByRole("heading", { name: "Keyfob cannot start yet" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Open file" })).toBeNull();
  expect(screen.getByRole("button", { name: "Retry" })).toBeTruthy();
});

for (const scene of ["untrusted", "banners-untrusted"]) {
  test(`a configuration that is not trusted shows what it does, and exactly that is trusted (${scene})`, async () => {
    const app = scenes[scene]!.app();
    const user = await open(app);
    const part = "runs the program `creds --json` (identities.vendor.credentials.process)";
    expect(screen.getByRole("group", { name: "Trust this configuration?" }).textContent).toContain(part);
    expect(app.sent("trust_configuration")).toEqual([]);
    app.fails("trust_configuration", fixtures.failure("config_untrusted", "the configuration has changed again meanwhile"));
    await user.click(screen.getByRole("button", { name: "Trust this configuration" }));
    expect(app.sent("trust_configuration")).toEqual([{ shown: [part] }]);
    expect((await screen.findByRole("alert")).textContent).toContain("The configuration has changed again");
  });
}

test("the roles of an Identity Center are listed after a sign-in in the browser", async () => {
  const app = first()
    .on("list_roles", () => needs(fixtures.prompt(70, fixtures.browser(), { identity: "corp" })))
    .on("follow", () => ({ notes: [], reached: { listed: { provider: "corp", accounts: 1, roles: 2 } } }));
  const user = await open(app);
  await user.click(way(/Sign in with IAM Identity Center/));
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  expect(screen.getByText("The start URL is required")).toBeTruthy();
  await user.type(screen.getByLabelText("Start URL"), "https://ssoins-1.portal.eu-west-1.app.aws");
  expect(screen.getByLabelText<HTMLInputElement>("Region").value).toBe("eu-west-1");
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  const center = { start_url: "https://ssoins-1.portal.eu-west-1.app.aws", region: "eu-west-1" };
  expect(app.sent("add_identity_center")).toEqual([{ center }]);
  expect(app.sent("list_roles")).toEqual([{ provider: "corp" }]);
  await screen.findByRole("button", { name: "Open browser" });
  const open_prompt = fixtures.prompt(70, fixtures.browser(), { identity: "corp" });
  await app.sends(fixtures.with_prompts(fixtures.team_snapshot(), open_prompt));
  await app.sends(fixtures.team_snapshot());
  await waitFor(() => expect(announced()).toContain("corp: 2 roles in 1 account"));
});

test("a console account is signed in with", async () => {
  const app = first();
  const user = await open(app);
  await user.click(way(/Sign in with your AWS console account/));
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  expect(app.sent("add_user")).toEqual([{ user: { name: "me", region: "us-east-1", signs_in_with: "console" } }]);
  await waitFor(() => expect(app.sent("sign_in")).toEqual([{ identity: "me", renewal: "when_due" }]));
});

test("a sign-in that ends before any snapshot has its prompt goes on by itself", async () => {
  const app = first()
    .on("list_roles", () => needs(fixtures.prompt(71, fixtures.browser(), { identity: "corp" })))
    .on("follow", () => ({ notes: [], reached: { listed: { provider: "corp", accounts: 1, roles: 2 } } }));
  const user = await open(app);
  await user.click(way(/Sign in with IAM Identity Center/));
  await user.type(screen.getByLabelText("Start URL"), "https://corp.awsapps.com/start");
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  await screen.findByRole("button", { name: "Open browser" });
  await app.sends(fixtures.team_snapshot());
  await waitFor(() => expect(announced()).toContain("corp: 2 roles in 1 account"), { timeout: 4000 });
});

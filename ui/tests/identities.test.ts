import { screen, waitFor, within } from "@testing-library/svelte";
import { expect, test, vi } from "vitest";
import { announcement } from "../announcement.svelte";
import { configured, FakeApp, needs, signed_in } from "./fake-app";
import * as fixtures from "./fixtures";
import { HOUR, MINUTE } from "./fixtures";
import type { Identity } from "../contract";
import { shorten } from "../shorten";
import { open, region, announced, settled } from "./page";
import { scenes } from "./scenes";

function row(name: string): HTMLElement {
  const found = [...document.querySelectorAll(".name")].find((it) => it.textContent === name)?.closest("li");
  if (!found) throw new Error(`no row ${name}`);
  return found;
}

function rows(): NodeListOf<Element> {
  return document.querySelectorAll("button[aria-expanded]");
}

function toggle(name: string): HTMLElement {
  return row(name).querySelector<HTMLElement>("button[aria-expanded]")!;
}

test("identities are grouped by provider, those without one first", async () => {
  await open(
    new FakeApp(
      fixtures.snapshot([
        fixtures.identity("org-admin", { provider: "corp-sso" }),
        fixtures.identity("dev"),
        fixtures.identity("ops", { provider: "aws-user" }),
      ]),
    ),
  );
  expect(screen.getAllByRole("heading", { level: 2 }).map((it) => it.textContent)).toEqual(["Stand-alone", "corp-sso"]);
  expect(within(region("Stand-alone")).getByText("dev")).toBeTruthy();
  expect(within(region("Stand-alone")).getByText("ops")).toBeTruthy();
});

test("time left is text, rounded", async () => {
  await open(
    new FakeApp(
      fixtures.snapshot([
        fixtures.identity("a", { state: "valid", expires_at: fixtures.from_now(36 * HOUR - 5) }),
        fixtures.identity("b", { state: "valid", expires_at: fixtures.from_now(HOUR - 5) }),
        fixtures.identity("c", { state: "expiring", expires_at: fixtures.from_now(30) }),
      ]),
    ),
  );
  expect(row("a").textContent).toContain("36 h");
  expect(row("a").querySelector(".left")?.getAttribute("title")).toMatch(/^until .*\d\d:\d\d$/);
  expect(row("b").textContent).toContain("1 h");
  expect(row("c").textContent).toContain("< 1 min");
});

test("long-lived keys that are handed out are marked, and show no time", async () => {
  await open(new FakeApp(fixtures.snapshot([fixtures.identity("dev", { state: "valid", hands_out_keys: true })])));
  expect(row("dev").textContent).toContain("hands out long-lived keys");
  expect(row("dev").querySelector(".left")).toBeNull();
});

test("every state has its word", async () => {
  await open(new FakeApp(fixtures.team_snapshot()));
  expect(row("dev-admin").textContent).toContain("Valid");
  expect(row("ci-bot").textContent).toContain("Revoked");
  expect(row("vendor").textContent).toContain("Signed out");
  expect(row("deploy").textContent).toContain("Expiring");
  expect(row("audit").textContent).toContain("Denied");
  expect(row("data-lake").textContent).toContain("Expired");
  expect(row("azure-ops").textContent).toContain("Not supported");
});

test("the time moves once a minute, on the minute, and an end that is reached is shown", async () => {
  vi.useFakeTimers({ now: new Date("2026-03-02T10:00:20Z") });
  const app = new FakeApp(
    fixtures.snapshot([fixtures.identity("dev", { state: "valid", expires_at: "2026-03-02T10:03:20Z" })]),
  );
  app.install();
  const { render } = await import("@testing-library/svelte");
  render((await import("../App.svelte")).default);
  await vi.advanceTimersByTimeAsync(1);
  expect(row("dev").textContent).toContain("3 min");
  await vi.advanceTimersByTimeAsync(39_000);
  expect(row("dev").textContent).toContain("3 min");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(row("dev").textContent).toContain("2 min");
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(180_000);
  expect(row("dev").textContent).toContain("Expired");
  expect(screen.getByRole("button", { name: "Sign in: dev" })).toBeTruthy();
});

test("a new snapshot is shown without another request", async () => {
  const app = new FakeApp(fixtures.snapshot([fixtures.identity("dev")]));
  await open(app);
  await app.sends(fixtures.snapshot([fixtures.identity("dev"), fixtures.identity("ops")]));
  await settled();
  expect(row("ops")).toBeTruthy();
  expect(app.sent("snapshot")).toHaveLength(1);
});

test("a change that arrives before the first answer is not overwritten by it", async () => {
  const app = new FakeApp();
  const held = app.holds("snapshot");
  await open(app);
  await app.sends(fixtures.snapshot([fixtures.identity("new")]));
  held.answer(fixtures.snapshot([fixtures.identity("old")]));
  await settled();
  expect(row("new")).toBeTruthy();
  expect(screen.queryByText("old")).toBeNull();
});

test("the filter finds among 200 as it is typed, and says how many", async () => {
  const user = await open(scenes["identities-200"]!.app());
  expect(rows()).toHaveLength(200);
  await user.type(screen.getByRole("searchbox"), "team-17");
  expect(rows().length).toBeLessThan(15);
  expect(row("team-170/service")).toBeTruthy();
  await user.type(screen.getByRole("searchbox"), "3/");
  expect(rows()).toHaveLength(1);
  expect(screen.getByText("1 identity")).toBeTruthy();
});

test("of a long list only what is near the window is drawn", async () => {
  let comesNear = () => undefined as void;
  const Near = class {
    constructor(callback: (seen: { isIntersecting: boolean }[]) => void) {
      comesNear = () => callback([{ isIntersecting: true }]);
    }
    observe = () => undefined;
    disconnect = () => undefined;
  };
  vi.stubGlobal("IntersectionObserver", Near);
  const many = Array.from({ length: 2_400 }, (_, n) =>
    fixtures.identity(`team-${n}/View`, { provider: n < 50 ? "one" : "other" }),
  );
  const user = await open(new FakeApp(fixtures.snapshot(many)));
  expect(rows()).toHaveLength(30);
  expect(row("team-29/View")).toBeTruthy();
  comesNear();
  await settled();
  expect(rows()).toHaveLength(60);
  expect(row("team-59/View")).toBeTruthy();
  await user.type(screen.getByRole("searchbox"), "team-23");
  expect(rows()).toHaveLength(30);
  expect(screen.getByText("111 identities")).toBeTruthy();
  await user.type(screen.getByRole("searchbox"), "99");
  expect(rows()).toHaveLength(1);
  expect(row("team-2399/View")).toBeTruthy();
  vi.unstubAllGlobals();
});

test("the filter covers state, account and role", async () => {
  const user = await open(new FakeApp(fixtures.team_snapshot()));
  await user.type(screen.getByRole("searchbox"), "expired 4400");
  expect(rows()).toHaveLength(1);
  expect(row("data-lake")).toBeTruthy();
});

test("no match is shown, with a button to clear the filter", async () => {
  const user = await open(new FakeApp(fixtures.team_snapshot()));
  await user.type(screen.getByRole("searchbox"), "zzz");
  await user.click(screen.getByRole("button", { name: "Clear filter" }));
  expect(row("dev-admin")).toBeTruthy();
});

test("Esc clears the filter, then closes the details, and never the window; Ctrl+W does", async () => {
  const app = new FakeApp(fixtures.team_snapshot());
  const user = await open(app);
  await user.click(toggle("dev-admin"));
  await user.type(screen.getByRole("searchbox"), "dev");
  await user.keyboard("{Escape}");
  expect((screen.getByRole("searchbox") as HTMLInputElement).value).toBe("");
  expect(app.sent("close_window")).toHaveLength(0);
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("group", { name: "Details of dev-admin" })).toBeNull();
  expect(app.sent("close_window")).toHaveLength(0);
  await user.keyboard("{Escape}");
  expect(app.sent("close_window")).toHaveLength(0);
  await user.keyboard("{Control>}w{/Control}");
  expect(app.sent("close_window")).toHaveLength(1);
});

test("Ctrl and plus, minus or zero zoom the page", async () => {
  const user = await open(new FakeApp(fixtures.team_snapshot()));
  const zoom = () => document.documentElement.style.getPropertyValue("zoom");
  await user.keyboard("{Control>}++{/Control}");
  expect(zoom()).toBe("1.2");
  await user.keyboard("{Control>}0--{/Control}");
  expect(zoom()).toBe("0.8");
  await user.keyboard("{Control>}0{/Control}");
  expect(zoom()).toBe("1");
});

test("as long as the keyring is read, nothing says that there are no identities", async () => {
  await open(new FakeApp({ ...fixtures.team_snapshot(), agent: null }));
  expect(screen.getByText("Waiting for the system keyring")).toBeTruthy();
  expect(screen.queryByText("No identities yet")).toBeNull();
});

test("one group of identities without a provider needs no heading", async () => {
  const all = fixtures.team_snapshot();
  const alone = (all.agent?.identities ?? []).filter((it) => it.provider === null || it.provider === "aws-user");
  expect(alone.length).toBeGreaterThan(0);
  await open(new FakeApp({ ...all, agent: { ...all.agent!, identities: alone } }));
  expect(screen.queryByText("Stand-alone")).toBeNull();
  expect(row(alone[0]!.name)).toBeTruthy();
});

test("signing in renews what is due, and says until when the session is valid", async () => {
  const app = new FakeApp(fixtures.team_snapshot());
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Sign in: data-lake" }));
  expect(app.sent("sign_in")).toEqual([{ identity: "data-lake", renewal: "when_due" }]);
  await waitFor(() => expect(announced()).toMatch(/Signed in to data-lake until/));
});

test("renewing always makes a new session", async () => {
  const app = new FakeApp(fixtures.team_snapshot());
  const user = await open(app);
  await user.click(toggle("dev-admin"));
  await user.click(screen.getByRole("button", { name: "Renew" }));
  expect(app.sent("sign_in")).toEqual([{ identity: "dev-admin", renewal: "always" }]);
});

test("revoked keys are entered again, and the sign-in follows by itself", async () => {
  const app = new FakeApp(fixtures.team_snapshot()).on("answer_keys", () => configured("ci-bot"));
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Enter new keys: ci-bot" }));
  expect(app.sent("enter_keys")).toEqual([{ identity: "ci-bot" }]);
  await user.type(await screen.findByLabelText("Access key ID"), fixtures.KEY_ID);
  await user.type(screen.getByLabelText("Secret access key"), fixtures.SECRET);
  await user.keyboard("{Enter}");
  await waitFor(() => expect(app.sent("sign_in")).toEqual([{ identity: "ci-bot", renewal: "when_due" }]));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("keys entered without need are stored, and no sign-in follows", async () => {
  const app = new FakeApp(fixtures.team_snapshot()).on("answer_keys", () => configured("dev-admin"));
  const user = await open(app);
  await user.click(toggle("dev-admin"));
  await user.click(screen.getByRole("button", { name: "More actions" }));
  await user.click(within(row("dev-admin")).getByRole("button", { name: "Enter new keys" }));
  await user.type(await screen.findByLabelText("Access key ID"), fixtures.KEY_ID);
  await user.type(screen.getByLabelText("Secret access key"), fixtures.SECRET);
  await user.click(screen.getByRole("button", { name: "Store keys" }));
  await waitFor(() => expect(announced()).toContain("Access key AKIA…MPLE stored for dev-admin"));
  expect(app.sent("sign_in")).toHaveLength(0);
});

test("a slow action says so in its button, and does not run twice", async () => {
  const app = new FakeApp(fixtures.team_snapshot());
  const held = app.holds("sign_in");
  const user = await open(app);
  const button = screen.getByRole("button", { name: "Sign in: data-lake" });
  await user.click(button);
  expect(button.getAttribute("aria-busy")).toBe("true");
  expect(button.getAttribute("aria-label")).toBe("Sign in: data-lake");
  await user.click(button);
  await waitFor(() => expect(button.getAttribute("aria-label")).toBe("Signing in…"));
  expect(app.sent("sign_in")).toHaveLength(1);
  held.answer(signed_in("data-lake"));
  await waitFor(() => expect(button.getAttribute("aria-busy")).toBe("false"));
});

test("a failure says what happened, where, and what to do, at its row", async () => {
  const scene = scenes["identities-failure"]!;
  const user = await open(scene.app());
  await scene.act!({ screen, user });
  const alert = await within(row("audit")).findByRole("alert");
  expect(alert.textContent).toContain("sts:AssumeRole is refused");
  expect(alert.textContent).toContain("org-admin → audit");
  expect(alert.textContent).toContain("AccessDenied");
  expect(within(alert).getByText("fob whoami org-admin").tagName).toBe("CODE");
  await user.click(within(alert).getByRole("button", { name: "Dismiss" }));
  expect(screen.queryByRole("alert")).toBeNull();
});

test("warnings of a sign-in stay until they are dismissed", async () => {
  const app = new FakeApp(fixtures.team_snapshot()).on("sign_in", () => ({
    ...signed_in("data-lake"),
    notes: [{ warning: "the duration was cut to 1h" }],
  }));
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Sign in: data-lake" }));
  expect(await screen.findByText("The duration was cut to 1h", { exact: false, ignore: ".announced" })).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Dismiss" }));
  expect(screen.queryByRole("list", { name: "Warnings" })).toBeNull();
});

test("details show chain, account, role, end, next refresh, last use and why renewals fail", async () => {
  const user = await open(new FakeApp(fixtures.team_snapshot()));
  await user.click(toggle("deploy"));
  const details = screen.getByRole("group", { name: "Details of deploy" });
  for (const text of [
    "corp-sso → org-admin → deploy",
    "420000000025",
    "arn:aws:iam::420000000025:role/deploy",
    "Next refresh",
    "terraform (pid 4711)",
    "sts.eu-west-1.amazonaws.com could not be reached",
  ]) {
    expect(details.textContent).toContain(text);
  }
});

function with_key(more: Partial<NonNullable<Identity["access_key"]>> = {}) {
  const access_key = { id: "AKIA…OLDX", since: fixtures.from_now(-97 * 24 * HOUR), is_old: false, ...more };
  return new FakeApp(fixtures.snapshot([fixtures.valid("dev", 35 * HOUR, 36 * HOUR, { access_key })]));
}

function steps() {
  const list = screen.queryByRole("list", { name: "Steps of the rotation" });
  const items = list === null ? [] : within(list).getAllByRole("listitem");
  return items.map((it) => it.textContent?.replace(/^[^a-z]+/, "").replace(/\s+/g, " ").trim() ?? "");
}

test("details show the age of an access key, and that an old one should be rotated", async () => {
  const user = await open(with_key({ is_old: true }));
  await user.click(toggle("dev"));
  expect(row("dev").textContent).toContain("AKIA…OLDX, stored 97 days ago");
  expect(row("dev").textContent).toContain("is 97 days old and should be rotated");
});

test("an access key is rotated from the further actions, which say how it goes and what came of it", async () => {
  const app = with_key();
  const user = await open(app);
  const rotated = app.holds("rotate_key");
  await user.click(toggle("dev"));
  await user.click(screen.getByRole("button", { name: "More actions" }));
  await user.click(screen.getByRole("button", { name: "Rotate access key…" }));
  await settled();
  expect(steps()).toEqual([]);
  await app.sends(fixtures.with_rotation(app.snapshot, "dev", "making"));
  await waitFor(() => expect(steps()[0]).toBe("under way: A new access key is made"));
  await app.sends(fixtures.with_rotation(app.snapshot, "dev", "checking"));
  await waitFor(() => expect(row("dev").textContent).toContain("up to a minute"));
  expect(steps().map((it) => it.split(":")[0])).toEqual(["done", "under way", "to do", "to do"]);
  expect((await screen.findByRole("button", { name: "Rotating…" })).getAttribute("aria-busy")).toBe("true");
  rotated.answer(fixtures.rotated("dev"));
  await waitFor(() => expect(row("dev").textContent).toContain("AKIA…NEWX is in use now in place of AKIA…OLDX. The old one was deleted"));
  await app.sends(fixtures.with_no_rotation(app.snapshot));
  await waitFor(() => expect(steps()).toEqual([]));
  expect(announced()).toContain("AKIA…NEWX is in use now");
  expect(app.sent("rotate_key")).toEqual([{ identity: "dev" }]);
});

test("a rotation that another program wants is shown, and the file that nobody needs any more is named", async () => {
  const app = with_key();
  const user = await open(app);
  await user.click(toggle("dev"));
  await app.sends(fixtures.with_rotation(app.snapshot, "dev", "retiring"));
  await waitFor(() => expect(steps().at(-1)).toBe("under way: The old one is deleted at AWS"));
  await app.sends(fixtures.with_no_rotation(app.snapshot));
  await waitFor(() => expect(steps()).toEqual([]));

  app.on("rotate_key", () => fixtures.rotated("dev", { stale_file: "/home/kim/accessKeys.csv" }));
  await user.click(screen.getByRole("button", { name: "More actions" }));
  await user.click(screen.getByRole("button", { name: "Rotate access key…" }));
  await waitFor(() => expect(row("dev").textContent).toContain("/home/kim/accessKeys.csv holds nothing but the old one: delete it."));
});

test("a rotation that fails says at which step", async () => {
  const app = with_key();
  const user = await open(app);
  const rotated = app.holds("rotate_key");
  await user.click(toggle("dev"));
  await user.click(screen.getByRole("button", { name: "More actions" }));
  await user.click(screen.getByRole("button", { name: "Rotate access key…" }));
  await app.sends(fixtures.with_rotation(app.snapshot, "dev", "checking"));
  await app.sends(fixtures.with_no_rotation(app.snapshot));
  rotated.fail(fixtures.failure("network", "AWS could not be reached", "`fob user rotate dev` goes on"));
  await waitFor(() => expect(row("dev").textContent).toContain("AWS could not be reached"));
  expect(steps().map((it) => it.split(":")[0])).toEqual(["done", "failed", "to do", "to do"]);
});

test("a rotation that fails says why, and one whose old key is left says so", async () => {
  const app = with_key();
  const user = await open(app);
  app.fails("rotate_key", fixtures.failure("access_denied", "AWS denied access", "a rotation needs iam:CreateAccessKey"));
  await user.click(toggle("dev"));
  await user.click(screen.getByRole("button", { name: "More actions" }));
  const rotate = () => user.click(screen.getByRole("button", { name: "Rotate access key…" }));
  await rotate();
  await waitFor(() => expect(row("dev").textContent).toContain("AWS denied access"));
  expect(row("dev").textContent).toContain("iam:CreateAccessKey");

  const error = fixtures.failure("access_denied", "AWS denies the deletion");
  app.on("rotate_key", () => fixtures.rotated("dev", { old_key: { left: { error } } }));
  await rotate();
  await waitFor(() => expect(row("dev").textContent).toContain("could not be deleted at AWS"));
  expect(row("dev").textContent).toContain("AWS denies the deletion");

  app.fails("rotate_key", fixtures.failure("cancelled", "the question was closed: nothing was changed"));
  await rotate();
  await waitFor(() => expect(row("dev").textContent).not.toContain("could not be deleted"));
  expect(row("dev").textContent).not.toContain("the question was closed");
});

test("one identity is open at a time", async () => {
  const user = await open(new FakeApp(fixtures.team_snapshot()));
  await user.click(toggle("deploy"));
  await user.click(toggle("audit"));
  expect(screen.getAllByRole("group", { name: /Details of/ })).toHaveLength(1);
});

test.each([
  ["Copy environment", "copy_environment", /copied/],
  ["Copy profile name", "copy_profile_name", /copied/],
  ["Open console", "open_console", /AWS console/],
  ["Use as default", "use_as_default", /is now the default/],
])("%s is done by name, and announced", async (verb, command, words) => {
  const app = new FakeApp(fixtures.team_snapshot());
  const user = await open(app);
  await user.click(toggle("deploy"));
  const isThere = screen.queryByRole("button", { name: verb }) !== null;
  if (!isThere) await user.click(screen.getByRole("button", { name: "More actions" }));
  await user.click(screen.getByRole("button", { name: verb }));
  expect(app.sent(command)).toEqual([{ identity: "deploy" }]);
  await waitFor(() => expect(announced()).toMatch(words));
});

test("a copy that fails is shown as an error, not as copied", async () => {
  const app = new FakeApp(fixtures.team_snapshot()).fails(
    "copy_environment",
    fixtures.failure("no_credentials", "no session is held", "sign in first"),
  );
  const user = await open(app);
  await user.click(toggle("vendor"));
  await user.click(screen.getByRole("button", { name: "Copy environment" }));
  expect((await screen.findByRole("alert")).textContent).toContain("No session is held");
  expect(announced()).toBe("");
});

test("an identity that is not supported offers nothing that cannot work", async () => {
  const user = await open(new FakeApp(fixtures.team_snapshot()));
  await user.click(toggle("azure-ops"));
  const details = screen.getByRole("group", { name: "Details of azure-ops" });
  expect(within(details).getAllByRole("button").map((it) => it.textContent)).toEqual(["Log out…"]);
});

test("a waiting program is at the top, with its button", async () => {
  const user = await open(scenes["identities-waiting"]!.app());
  const waiting = screen.getByRole("list", { name: "Waiting for you" });
  expect(waiting.textContent).toContain("terraform (pid 4711) needs dev-admin");
  expect(waiting.textContent).toContain("make (pid 99) needs ci-bot");
  await user.click(within(waiting).getByRole("button", { name: /Enter code/ }));
  expect(await screen.findByRole("dialog", { name: "terraform (pid 4711) needs dev-admin" })).toBeTruthy();
});

test("a broken file leaves the last valid version in use, and can be opened", async () => {
  const app = scenes["banners-broken-file"]!.app();
  const user = await open(app);
  expect(screen.getByText(/the last valid version stays in use/)).toBeTruthy();
  expect(document.body.textContent).toContain("names an identity that is not there");
  await user.click(screen.getByRole("button", { name: "Open file" }));
  expect(app.sent("open_configuration")).toHaveLength(1);
});

test("a locked keyring can be tried again", async () => {
  const app = scenes["banners-keyring"]!.app().on("retry", () => fixtures.team_snapshot());
  const user = await open(app);
  expect(screen.getByText(/The keyring is locked/)).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Sign in: dev-admin" })).toBeNull();
  await user.click(screen.getByRole("button", { name: "Retry" }));
  await waitFor(() => expect(screen.queryByText(/The keyring is locked/)).toBeNull());
});

test("paused refresh is resumed; a missing tray and network are shown", async () => {
  const app = scenes["banners-calm"]!.app();
  const user = await open(app);
  expect(screen.getByText(/AppIndicator extension/)).toBeTruthy();
  expect(screen.getByText(/AWS cannot be reached/)).toBeTruthy();
  expect(screen.getByText(/a chained role gets 1h/)).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Resume" }));
  expect(app.sent("refresh")).toEqual([{ to: "runs" }]);
});

test("the sandbox shows its code, and revokes and makes keys for each user", async () => {
  const app = scenes["sandbox"]!.app();
  const user = await open(app);
  expect(region("Sandbox").textContent).toContain("MFA code 123456");
  await user.click(screen.getByRole("button", { name: "Revoke keys: ops" }));
  await user.click(screen.getByRole("button", { name: "Copy new key: dev" }));
  await user.click(screen.getByRole("button", { name: "Leave" }));
  expect(app.sent("sandbox_revoke")).toEqual([{ user: "ops" }]);
  expect(app.sent("sandbox_new_key")).toEqual([{ user: "dev" }]);
  expect(app.sent("leave_sandbox")).toHaveLength(1);
});

test("names of any length and direction are whole on hover and keep their direction", async () => {
  await open(scenes["identities-long-and-rtl"]!.app());
  const names = [...document.querySelectorAll<HTMLElement>(".name")];
  expect(names).toHaveLength(4);
  for (const name of names) {
    expect(name.dir).toBe("auto");
    expect(name.textContent).toBe(shorten(name.title, 32));
  }
});

test("no identities is a view of its own, with the next step", async () => {
  const user = await open(new FakeApp(fixtures.snapshot([])));
  await user.click(screen.getByRole("button", { name: "Add identity…" }));
  expect(screen.getByRole("heading", { name: "Add an identity" })).toBeTruthy();
});

test("an agent that fails is shown as an error, not as a blank page", async () => {
  await open(scenes["agent-fails"]!.app());
  expect(document.body.textContent).toContain("Keyfob could not be loaded");
  expect(document.body.textContent).toContain("panicked at owner.rs");
});

test("every part of a row is reached and used by keyboard", async () => {
  const app = new FakeApp(
    fixtures.snapshot([fixtures.identity("dev", { issued_at: fixtures.from_now(-MINUTE) })]),
  ).on("sign_in", () => needs(fixtures.prompt(70, fixtures.kinds.code, { identity: "dev" })));
  const user = await open(app);
  screen.getByRole("button", { name: "Settings" }).focus();
  await user.tab();
  await user.keyboard("{Enter}");
  expect(screen.getByRole("group", { name: "Details of dev" })).toBeTruthy();
  await user.tab();
  await user.keyboard(" ");
  expect(await screen.findByRole("dialog", { name: "Sign in to dev" })).toBeTruthy();
  expect(document.activeElement).toBe(screen.getByLabelText("MFA code"));
});

test("what was announced leaves with its view, and is said in a sheet where one is open", async () => {
  const app = new FakeApp(fixtures.team_snapshot()).on("sign_in", () => needs(fixtures.prompt(3, fixtures.kinds.code)));
  const user = await open(app);
  await user.click(toggle("dev-admin"));
  await user.click(screen.getByRole("button", { name: "Copy environment" }));
  await waitFor(() => expect(announced()).toContain("dev-admin copied"));
  await user.click(screen.getAllByRole("button", { name: /^Sign in/ })[0]!);
  const sheet = await screen.findByRole("dialog");
  expect(announced()).toBe("");
  announcement.say("Fields filled in");
  expect(await within(sheet).findByText("Fields filled in")).toBeTruthy();
  await user.keyboard("{Escape}");
  await user.click(screen.getByRole("button", { name: "Activity" }));
  expect(announced()).toBe("");
});

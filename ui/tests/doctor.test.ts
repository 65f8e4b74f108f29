import { screen, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { FakeApp } from "./fake-app";
import * as fixtures from "./fixtures";
import { announced, open, region, settled } from "./page";

const view = () => new FakeApp(fixtures.team_snapshot()).opens({ view: "doctor" });
const lines = () => screen.queryAllByRole("listitem").map((it) => it.textContent?.replace(/\s+/g, " ").trim() ?? "");

test("it looks as soon as it is opened, and shows what is wrong first", async () => {
  const app = view();
  await open(app);
  expect(app.sent("doctor")).toHaveLength(1);
  expect(lines()[0]).toContain("identity dev-admin AWS does not know access key");
  expect(region("Broken").textContent).toContain("fob user configure dev-admin");
  expect(region("Warnings").textContent).toContain("AWS_ACCESS_KEY_ID");
  expect(region("In order").textContent).toContain("keyring");
  expect(announced()).toBe("2 broken, 1 warning");
});

test("lines appear as they are known, and how many are left is said", async () => {
  const app = view();
  const doctor = app.holds("doctor");
  await open(app);
  expect(lines()).toEqual([]);
  await app.checks([fixtures.check("keyring")], 7);
  await app.checks([fixtures.check("tray"), fixtures.check("notices")], 6);
  await settled();
  expect(lines()).toHaveLength(3);
  expect(screen.getByText("Checking… 6 left")).toBeTruthy();
  doctor.answer(fixtures.checks());
  await waitFor(() => expect(lines()).toHaveLength(8));
});

test("what helps is copied by its position, once all is known", async () => {
  const app = view();
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Copy what helps: AWS_ACCESS_KEY_ID" }));
  expect(app.sent("copy_remedy")).toEqual([{ position: 6 }]);
  await waitFor(() => expect(announced()).toBe("Copied"));
});

test("what is safe to fix says what is done, is done with its button, and says what came of it", async () => {
  const broken = fixtures.check("profile dev", {
    status: "broken",
    detail: "it runs /gone/fob, which is gone",
    remedy: "fob repair dev",
    safe_fix: "writes the profile dev anew",
  });
  const app = view().on("doctor", () => [fixtures.check("keyring"), broken]);
  const user = await open(app);
  expect(region("Broken").textContent).toContain("“Fix what is safe” writes the profile dev anew");
  const done = fixtures.check("profile dev", { detail: "fixed: its profile ran /gone/fob, which is gone" });
  app.on("fix_what_is_safe", () => [fixtures.check("keyring"), done]);
  await user.click(screen.getByRole("button", { name: "Fix what is safe" }));
  await waitFor(() => expect(announced()).toBe("All is well"));
  expect(app.sent("fix_what_is_safe")).toHaveLength(1);
  expect(region("In order").textContent).toContain("Fixed: its profile ran /gone/fob");
  expect(screen.queryByRole("button", { name: "Fix what is safe" })).toBeNull();
});

test("without anything that is safe to fix there is no button for it, and a fix that fails says why", async () => {
  const app = view();
  const user = await open(app);
  expect(screen.queryByRole("button", { name: "Fix what is safe" })).toBeNull();
  app.on("doctor", () => [fixtures.check("profile dev", { status: "broken", safe_fix: "writes the profile dev anew" })]);
  await user.click(screen.getByRole("button", { name: "Run again" }));
  app.fails("fix_what_is_safe", fixtures.failure("process_failed", "Keyfob has ended", "start it again"));
  await user.click(await screen.findByRole("button", { name: "Fix what is safe" }));
  await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("Keyfob has ended"));
});

test("it runs again with its button, and not twice at a time", async () => {
  const app = view();
  const user = await open(app);
  const doctor = app.holds("doctor");
  const again = screen.getByRole("button", { name: "Run again" });
  await user.click(again);
  expect(lines()).toEqual([]);
  await user.click(again);
  expect(app.sent("doctor")).toHaveLength(2);
  doctor.answer([fixtures.check("keyring")]);
  await waitFor(() => expect(announced()).toBe("All is well"));
  expect(lines()).toHaveLength(1);
});

test("a look that fails is an error", async () => {
  await open(view().fails("doctor", fixtures.failure("process_failed", "Keyfob has ended", "start it again")));
  expect(screen.getByRole("alert").textContent).toContain("Keyfob has ended");
});

test("it is opened from the settings and from a banner, and Esc leads back", async () => {
  const app = new FakeApp(fixtures.team_snapshot()).opens({ view: "settings" });
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Check this machine" }));
  await waitFor(() => expect(lines()).toHaveLength(8));
  await user.keyboard("{Escape}");
  expect(screen.getByLabelText("Start at login")).toBeTruthy();
  await app.shows({ view: "identities" });
  await app.sends({ ...fixtures.team_snapshot(), health: "offline" });
  await user.click(await screen.findByRole("button", { name: "Check this machine" }));
  await waitFor(() => expect(app.sent("doctor")).toHaveLength(2));
});

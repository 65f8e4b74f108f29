import { screen, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { FakeApp } from "./fake-app";
import * as fixtures from "./fixtures";
import { open, announced, settled } from "./page";
import { scenes } from "./scenes";

const view = () => new FakeApp(fixtures.team_snapshot()).opens({ view: "settings" });
const box = (name: string | RegExp) => screen.getByLabelText<HTMLInputElement>(name);

test("start at login is set at once", async () => {
  const app = view();
  const user = await open(app);
  await user.click(box("Start at login"));
  expect(app.sent("start_at_login")).toEqual([{ to: "on" }]);
  await waitFor(() => expect(announced()).toBe("Saved"));
  expect(box("Start at login").checked).toBe(true);
});

test("a setting that could not be saved shows its old value, and why", async () => {
  const app = view().fails("start_at_login", fixtures.failure("files_unwritable", "autostart is not writable"));
  const user = await open(app);
  await user.click(box("Start at login"));
  expect((await screen.findByRole("alert")).textContent).toContain("Autostart is not writable");
  expect(box("Start at login").checked).toBe(false);
  expect(announced()).toBe("");
});

test("a notice that is unticked leaves the others shown", async () => {
  const app = view();
  const user = await open(app);
  await user.click(box("A session has expired"));
  expect(app.sent("show_notices")).toEqual([
    { kinds: ["keys_revoked", "renewal_refused", "renewal_failing", "expires_soon", "key_is_old", "person_awaited"] },
  ]);
});

test("the lead time is saved with its button", async () => {
  const app = view();
  const user = await open(app);
  const save = screen.getByRole<HTMLButtonElement>("button", { name: "Save" });
  expect(save.disabled).toBe(true);
  await user.clear(box("Lead time"));
  await user.type(box("Lead time"), "45m{Enter}");
  expect(app.sent("notify_before")).toEqual([{ duration: "45m" }]);
  await waitFor(() => expect(announced()).toBe("Saved"));
});

test("the age at which access keys are old is a number of days, or empty for never", async () => {
  const app = view();
  const user = await open(app);
  const field = box("Access keys are old after");
  const save = screen.getByRole<HTMLButtonElement>("button", { name: "Save: Access keys are old after" });
  expect([field.value, save.disabled]).toEqual(["90", true]);
  for (const wrong of ["0", "-1", "90d", "1.5", "soon", "1000000"]) {
    await user.clear(field);
    await user.type(field, `${wrong}{Enter}`);
    await waitFor(() => expect(field.getAttribute("aria-invalid")).toBe("true"));
    expect(document.body.textContent).toContain("A number of days, such as 90");
  }
  expect(app.sent("key_age")).toEqual([]);
  await user.clear(field);
  await user.type(field, "60{Enter}");
  await waitFor(() => expect(announced()).toBe("Saved"));
  await user.clear(field);
  await user.click(save);
  await waitFor(() => expect(app.sent("key_age")).toEqual([{ days: 60 }, { days: null }]));
});

test("a refused lead time is shown at its field", async () => {
  const scene = scenes["settings-problems"]!;
  const user = await open(scene.app());
  await scene.act!({ screen, user });
  await settled();
  const field = box("Lead time");
  expect(field.getAttribute("aria-invalid")).toBe("true");
  const id = field.getAttribute("aria-describedby")!.split(" ").at(-1)!;
  expect(document.getElementById(id)?.textContent).toContain("12x is not a duration; durations look like 30m");
  expect(field.value).toBe("12x");
});

test("the default identity is chosen from the list", async () => {
  const app = view();
  const user = await open(app);
  await user.selectOptions(screen.getByLabelText("Default identity"), "deploy");
  expect(app.sent("use_as_default")).toEqual([{ identity: "deploy" }]);
});

test("refresh is paused and resumed", async () => {
  const app = view();
  const user = await open(app);
  await user.click(box(/Refresh sessions/));
  expect(app.sent("refresh")).toEqual([{ to: "paused" }]);
});

test("problems of the configuration are listed with their place", async () => {
  await open(scenes["settings-problems"]!.app());
  const problems = screen.getByRole("list", { name: "2 problems" });
  expect(problems.textContent).toMatch(/12:9\s+Error\s+via names an identity/);
  expect(problems.textContent).toMatch(/31:5\s+Warning/);
});

test("a configuration without problems says so, and can be opened", async () => {
  const app = view();
  const user = await open(app);
  expect(screen.getByText("No problems")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Open" }));
  expect(app.sent("open_configuration")).toHaveLength(1);
  expect(document.body.textContent).toContain("Keyfob 0.1.0");
});

test("settings that cannot be read are an error", async () => {
  const app = view().fails("settings", fixtures.failure("files_unwritable", "the settings could not be read"));
  const user = await open(app);
  expect(screen.getByRole("alert").textContent).toContain("The settings could not be read");
  app.on("settings", () => fixtures.settings());
  await user.click(screen.getByRole("button", { name: "Retry" }));
  await waitFor(() => expect(box("Start at login")).toBeTruthy());
});

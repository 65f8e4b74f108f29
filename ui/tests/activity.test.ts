import { screen, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { AuditLine } from "../contract";
import { FakeApp } from "./fake-app";
import * as fixtures from "./fixtures";
import { open, settled } from "./page";
import { scenes } from "./scenes";

const view = () => new FakeApp(fixtures.team_snapshot()).opens({ view: "activity" });
const lines = () => screen.queryAllByRole("listitem").map((it) => it.textContent?.replace(/\s+/g, " ").trim() ?? "");

test("lines are sentences, newest first, with the program", async () => {
  const app = view();
  await open(app);
  expect(app.sent("activity")).toEqual([{ days: 7 }]);
  expect(lines()[0]).toContain("Removed data stored for vendor");
  expect(lines().at(-1)).toContain("Stored keys for dev-admin");
  expect(lines()[3]).toContain("Renewed deploy terraform (pid 4711) · corp-sso → org-admin → deploy");
});

test("a failed line says that it failed, and why", async () => {
  await open(view());
  expect(lines()[2]).toContain("Could not renew audit ✕ failed: access denied");
});

test("a prompt that the user cancelled has not failed", async () => {
  const [first] = fixtures.day_of_lines();
  const cancelled = { ...first!, event: "sign_in", result: "failed", error: "cancelled" } as AuditLine;
  await open(view().on("activity", () => ({ ...fixtures.audit(), lines: [cancelled] })));
  expect(lines()[0]).toContain("– cancelled: for a minute, programs that need it fail");
  expect(lines()[0]).not.toContain("failed");
});

test("lines are filtered by text and by event", async () => {
  const user = await open(view());
  await user.type(screen.getByRole("searchbox"), "terraform");
  expect(lines()).toHaveLength(1);
  await user.clear(screen.getByRole("searchbox"));
  await user.selectOptions(screen.getByLabelText("Event"), "Renewal");
  expect(lines()).toHaveLength(2);
  await user.type(screen.getByRole("searchbox"), "no-such-program");
  expect(screen.getByText("Nothing matches")).toBeTruthy();
});

test("another period is loaded, and a slow reply does not overwrite a later one", async () => {
  const app = view();
  const user = await open(app);
  const slow = app.holds("activity");
  await user.selectOptions(screen.getByLabelText("Period"), "Last 30 days");
  app.on("activity", () => fixtures.audit([fixtures.line(1, 60, { identity: "all-time" })]));
  await user.selectOptions(screen.getByLabelText("Period"), "All time");
  await waitFor(() => expect(lines()).toHaveLength(1));
  slow.answer(fixtures.audit());
  await settled();
  expect(lines()[0]).toContain("all-time");
  expect(app.sent("activity")).toEqual([{ days: 7 }, { days: 30 }, { days: null }]);
});

test("lines that are left out are counted", async () => {
  await open(scenes["activity"]!.app());
  expect(screen.getByText("120 older lines are not shown")).toBeTruthy();
});

test("an empty period is shown as such", async () => {
  await open(scenes["activity-empty"]!.app());
  expect(screen.getByText("No activity in this period")).toBeTruthy();
});

test("a log that cannot be read is an error, and can be tried again", async () => {
  const app = scenes["activity-failure"]!.app();
  const user = await open(app);
  expect(screen.getByRole("alert").textContent).toContain("The audit log could not be read");
  app.on("activity", () => fixtures.audit());
  await user.click(screen.getByRole("button", { name: "Retry" }));
  await waitFor(() => expect(lines()).toHaveLength(6));
});

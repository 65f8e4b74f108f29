import { screen, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { Desk } from "./desk";
import * as fixtures from "./fixtures";
import { open, settled } from "./page";
import { scenes } from "./scenes";

const view = () => new Desk(fixtures.team_snapshot()).opens({ view: "activity" });
const lines = () => screen.queryAllByRole("listitem").map((it) => it.textContent?.replace(/\s+/g, " ").trim() ?? "");

test("lines are sentences, newest first, with who asked", async () => {
  const desk = view();
  await open(desk);
  expect(desk.sent("activity")).toEqual([{ days: 7 }]);
  expect(lines()[0]).toContain("Removed what was held of vendor");
  expect(lines().at(-1)).toContain("Stored keys of dev-admin");
  expect(lines()[3]).toContain("Renewed deploy terraform (pid 4711) · corp-sso → org-admin → deploy");
});

test("a failed line says that it failed, and why", async () => {
  await open(view());
  expect(lines()[2]).toContain("Could not renew audit ✕ failed: access denied");
});

test("lines are filtered by text and by event", async () => {
  const user = await open(view());
  await user.type(screen.getByRole("searchbox"), "terraform");
  expect(lines()).toHaveLength(1);
  await user.clear(screen.getByRole("searchbox"));
  await user.selectOptions(screen.getByLabelText("Event"), "Renewal");
  expect(lines()).toHaveLength(2);
  await user.type(screen.getByRole("searchbox"), "nobody");
  expect(screen.getByText("Nothing matches")).toBeTruthy();
});

test("another period is asked for, and a slow answer does not overwrite a later one", async () => {
  const desk = view();
  const user = await open(desk);
  const slow = desk.holds("activity");
  await user.selectOptions(screen.getByLabelText("Period"), "Last 30 days");
  desk.on("activity", () => fixtures.audit([fixtures.line(1, 60, { identity: "all-time" })]));
  await user.selectOptions(screen.getByLabelText("Period"), "All time");
  await waitFor(() => expect(lines()).toHaveLength(1));
  slow.answer(fixtures.audit());
  await settled();
  expect(lines()[0]).toContain("all-time");
  expect(desk.sent("activity")).toEqual([{ days: 7 }, { days: 30 }, { days: null }]);
});

test("lines that are left out are counted", async () => {
  await open(scenes["activity"]!.desk());
  expect(screen.getByText("120 older lines are not shown")).toBeTruthy();
});

test("nothing happened is said", async () => {
  await open(scenes["activity-empty"]!.desk());
  expect(screen.getByText("Nothing happened in this time")).toBeTruthy();
});

test("a log that cannot be read is said, and can be tried again", async () => {
  const desk = scenes["activity-failure"]!.desk();
  const user = await open(desk);
  expect(screen.getByRole("alert").textContent).toContain("The audit log could not be read");
  desk.on("activity", () => fixtures.audit());
  await user.click(screen.getByRole("button", { name: "Retry" }));
  await waitFor(() => expect(lines()).toHaveLength(6));
});

import { screen, waitFor, within } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { FakeApp } from "./fake-app";
import * as fixtures from "./fixtures";
import { announced, open } from "./page";

async function choose(app: FakeApp) {
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Roles of corp-sso…" }));
  await screen.findByRole("heading", { name: "Roles of corp-sso" });
  return user;
}

const boxes = () => screen.queryAllByRole("checkbox").map((it) => it.closest("label")!.textContent);

test("roles are filtered and chosen, and those that were chosen before a filter stay chosen", async () => {
  const app = new FakeApp(fixtures.team_snapshot());
  const user = await choose(app);
  expect(app.sent("assigned_roles")).toEqual([{ provider: "corp-sso" }]);
  await waitFor(() => expect(boxes()).toHaveLength(6));
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Use chosen" }).disabled).toBe(true);
  await user.click(screen.getByRole("checkbox", { name: /^dev\/viewer/ }));
  await user.type(screen.getByRole("searchbox", { name: "Filter roles" }), "prod admin");
  expect(boxes()).toHaveLength(1);
  await user.click(screen.getByRole("checkbox", { name: /^prod\/admin/ }));
  await user.click(screen.getByRole("button", { name: "Use 2 chosen" }));
  expect(app.sent("keep_roles")).toEqual([{ provider: "corp-sso", identities: ["dev/viewer", "prod/admin"] }]);
  expect(announced()).toBe("2 roles of corp-sso kept");
  expect(screen.queryByRole("heading", { name: "Roles of corp-sso" })).toBeNull();
});

test("all that are listed already are used without a change", async () => {
  const app = new FakeApp(fixtures.team_snapshot());
  const user = await choose(app);
  await user.click(screen.getByRole("button", { name: "Use all" }));
  expect(app.sent("keep_all_roles")).toEqual([]);
  expect(announced()).toBe("Every role of corp-sso is used");
});

test("where only the written ones are listed, all of them are one press away", async () => {
  const app = new FakeApp(fixtures.team_snapshot()).on("assigned_roles", () => null);
  const user = await choose(app);
  await screen.findByText("Only the roles in the configuration are listed here.");
  expect(screen.queryByRole("button", { name: "Refresh list" })).toBeNull();
  await user.click(screen.getByRole("button", { name: "Use all" }));
  expect(app.sent("keep_all_roles")).toEqual([{ provider: "corp-sso" }]);
  await waitFor(() => expect(app.sent("list_roles")).toEqual([{ provider: "corp-sso" }]));
});

test("a list is refreshed, and what keeps a choice from being written is said here", async () => {
  const app = new FakeApp(fixtures.team_snapshot()).fails("keep_roles", fixtures.failure("invalid_input", "prod/admin is not assigned any more"));
  const user = await choose(app);
  await user.click(screen.getByRole("button", { name: "Refresh list" }));
  expect(app.sent("list_roles")).toEqual([{ provider: "corp-sso" }]);
  await user.click(await screen.findByRole("checkbox", { name: /^prod\/admin/ }));
  await user.click(screen.getByRole("button", { name: "Use 1 chosen" }));
  expect(within(await screen.findByRole("alert")).getByText(/prod\/admin is not assigned any more/i)).toBeTruthy();
});

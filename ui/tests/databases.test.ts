import { screen, within } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { FakeApp } from "./fake-app";
import * as fixtures from "./fixtures";
import { announced, open, region } from "./page";
import { scenes } from "./scenes";

test("a database shows its login, how long its token has left, and its port with its connections", async () => {
  await open(scenes["databases"]!.app());
  const [orders, lake] = within(region("Databases")).getAllByRole("listitem");
  expect(orders!.textContent).toContain("app · through dev-admin · orders.abc.eu-central-1.rds.amazonaws.com:5432");
  expect(orders!.textContent).toContain("12 min");
  expect(orders!.textContent).toContain("127.0.0.1:15432 · 3 connections");
  expect(lake!.textContent).toContain("Port 15433 is not open");
  expect(within(lake!).getByRole("button", { name: "Copy password: lake" })).toBeTruthy();
});

test("without databases there is no such list", async () => {
  await open(new FakeApp(fixtures.team_snapshot()));
  expect(screen.queryByRole("region", { name: "Databases" })).toBeNull();
});

test("token and terminal are the app's to hand out, and a refusal is shown at its database", async () => {
  const app = scenes["databases"]!.app();
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Copy token: orders" }));
  expect(app.sent("copy_database_token")).toEqual([{ database: "orders" }]);
  expect(announced()).toBe("The login of orders is on the clipboard");
  app.fails("open_database_terminal", fixtures.failure("no_credentials", "sign in to dev-admin first"));
  await user.click(screen.getByRole("button", { name: "Open terminal: lake" }));
  const [orders, lake] = within(region("Databases")).getAllByRole("listitem");
  expect(within(lake!).getByRole("alert").textContent).toMatch(/sign in to dev-admin first/i);
  expect(within(orders!).queryByRole("alert")).toBeNull();
});

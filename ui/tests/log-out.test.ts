import { screen, waitFor, within } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { Report } from "../contract";
import { FakeApp } from "./fake-app";
import * as fixtures from "./fixtures";
import { open, region, settled } from "./page";
import { scenes } from "./scenes";

const target = { identity: { name: "deploy", depth: "chain" } } as const;
const view = () => new FakeApp(fixtures.team_snapshot()).opens({ view: "log_out", target });
const submit = () => screen.getByRole<HTMLButtonElement>("button", { name: "Log out" });

test("nothing is removed before the plan was shown", async () => {
  const app = view();
  await open(app);
  expect(app.sent("preview_logout")).toEqual([{ target, longLivedKeys: "keep" }]);
  expect(app.sent("log_out")).toHaveLength(0);
  const gone = region("Will be removed");
  const lines = (of: HTMLElement) => within(of).getAllByRole("listitem").map((it) => it.textContent);
  expect(lines(gone)).toEqual(["deploy: session and AWS profile"]);
  expect(lines(region("Stays"))).toEqual(["dev: access key stays"]);
  expect(document.body.textContent).toMatch(/Browser sessions, and programs that already have credentials, stay signed in/);
  expect(document.activeElement).toBe(screen.getByRole("button", { name: "Cancel" }));
  expect(screen.getByText("Show details").closest("details")?.open).toBe(false);
  expect(region("Entries").textContent).toContain("session/default/3f9a1c/deploy");
  expect(region("Kept entries").textContent).toContain("access key AKIA…MPLE");
  expect(document.body.textContent).toContain("1 more place checked, nothing found");
  expect(document.body.textContent).toMatch(/org-dev stays signed in until/);
});

test("logging out shows the result of each step, and what stays signed in", async () => {
  const app = view();
  const user = await open(app);
  await user.click(submit());
  expect(app.sent("log_out")).toEqual([{ target, longLivedKeys: "keep" }]);
  await screen.findByText("Logged out");
  expect(region("Removed").textContent).toContain("deploy: session and AWS profile");
  expect(within(region("Entries")).getAllByText("removed:")).toHaveLength(3);
  expect(document.body.textContent).toMatch(/Browser sessions, and programs that already have credentials, stay signed in/);
  await user.click(screen.getByRole("button", { name: "Done" }));
  expect(region("corp-sso")).toBeTruthy();
});

test("failures come last, with their cause, and can be tried again", async () => {
  const scene = scenes["log-out-done"]!;
  const app = scene.app();
  const user = await open(app);
  await scene.act!({ screen, user });
  expect(screen.getByText("Partly logged out: 3 removed, 1 failed")).toBeTruthy();
  const regions = screen.getAllByRole("region").map((it) => it.getAttribute("aria-label"));
  expect(regions.at(-1)).toBe("Could not be removed");
  expect(region("Could not be removed").textContent).toContain("permission denied");
  expect(document.body.textContent).toContain("The SSO token was ended at AWS");
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(app.sent("log_out")).toHaveLength(2);
});

test("forgetting the access key is shown first, and the safe choice has the focus", async () => {
  const forgotten = fixtures.report({
    steps: [{ what: "keyring", name: "dev", path: "keys/default/dev", result: "would_remove", detail: "long-lived access keys" }],
  });
  const app = view().on("preview_logout", ({ longLivedKeys }) =>
    longLivedKeys === "remove" ? forgotten : fixtures.report(),
  );
  const user = await open(app);
  await user.click(screen.getByLabelText(/Also forget the access key/));
  expect(app.sent("preview_logout").at(-1)).toEqual({ target, longLivedKeys: "remove" });
  await waitFor(() => expect(region("Will be removed").textContent).toContain("dev: access key"));
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("button", { name: "Cancel" })));
  expect(submit().className).toContain("danger");
  await user.click(submit());
  expect(app.sent("log_out")).toEqual([{ target, longLivedKeys: "remove" }]);
});

test("a box ticked twice shows the plan of the second click, whichever comes first", async () => {
  const plans: ((plan: Report) => void)[] = [];
  const app = view();
  const user = await open(app);
  app.on("preview_logout", () => new Promise<Report>((answer) => plans.push(answer)));
  const box = screen.getByLabelText(/Also forget the access key/);
  await user.click(box);
  await user.click(box);
  expect(submit().disabled).toBe(true);
  plans[1]!(fixtures.report());
  await settled();
  plans[0]!(fixtures.report({ steps: [] }));
  await settled();
  expect(within(region("Entries")).getAllByRole("listitem")).toHaveLength(3);
});

test("identities for which the same goes and stays share a line", async () => {
  const steps = ["kim", "robin"].flatMap((name) => [
    { what: "keyring", name, path: `default/session/${name}`, result: "would_remove", detail: null },
    { what: "section", name, path: "/home/kim/.aws/keyfob/aws-user/config", result: "would_remove", detail: null },
    { what: "keyring", name, path: `default/keys/${name}`, result: "kept", detail: null },
  ]) as Report["steps"];
  const folder = { what: "folder", name: "aws-user", path: "/home/kim/.aws/keyfob", result: "would_remove", detail: null } as const;
  await open(view().on("preview_logout", () => fixtures.report({ steps: [...steps, folder] })));
  const lines = within(region("Will be removed")).getAllByRole("listitem");
  expect(lines.map((it) => it.textContent)).toEqual(["kim, robin: sessions and AWS profiles · access keys stay"]);
});

test("an identity that is already logged out is shown as such", async () => {
  await open(scenes["log-out-nothing"]!.app());
  expect(screen.getByText("Nothing to remove: already logged out")).toBeTruthy();
  expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Log out of corp-sso and all its identities");
});

test("a plan that cannot be made is an error, and nothing can be removed", async () => {
  const app = view().fails("preview_logout", fixtures.failure("keyring_unavailable", "the keyring does not answer"));
  const user = await open(app);
  expect(screen.getByRole("alert").textContent).toContain("The keyring does not answer");
  expect(submit().disabled).toBe(true);
  app.on("preview_logout", () => fixtures.report());
  await user.click(screen.getByRole("button", { name: "Retry" }));
  await waitFor(() => expect(submit().disabled).toBe(false));
});

test("Esc goes back without removing anything", async () => {
  const app = view();
  const user = await open(app);
  await user.keyboard("{Escape}");
  expect(region("corp-sso")).toBeTruthy();
  expect(app.sent("log_out")).toHaveLength(0);
  expect(app.sent("close_window")).toHaveLength(0);
});

test.each([
  ["an identity", "Log out of org-admin…", null],
  ["a provider", "Log out of corp-sso…", { provider: "corp-sso" }],
  ["everything", "Log out of everything…", "all"],
])("%s is logged out of from the list", async (_, name, meant) => {
  const app = new FakeApp(fixtures.team_snapshot());
  const user = await open(app);
  if (meant === null) {
    await user.click(document.querySelector<HTMLElement>("section[aria-label=corp-sso] button[aria-expanded]")!);
    await user.click(screen.getByRole("button", { name: "More actions" }));
    await user.click(within(screen.getByRole("group", { name: /Details/ })).getByRole("button", { name: "Log out…" }));
    expect(app.sent("preview_logout")[0]).toMatchObject({
      target: { identity: { name: "org-admin", depth: "chain" } },
    });
    return;
  }
  await user.click(screen.getByRole("button", { name }));
  expect(app.sent("preview_logout")[0]).toMatchObject({ target: meant });
});

import { screen, waitFor } from "@testing-library/svelte";
import { expect, test, vi } from "vitest";
import type { Snapshot } from "../contract";
import { configured, FakeApp, needs, signed_in } from "./fake-app";
import * as fixtures from "./fixtures";
import { HOUR, KEY_ID, SECRET } from "./fixtures";
import { everything, open, announced, settled } from "./page";

const base = (): Snapshot => fixtures.team_snapshot();
const waiting = (kind: Parameters<typeof fixtures.prompt>[1] = fixtures.kinds.code) =>
  fixtures.with_prompts(base(), fixtures.prompt(7, kind));

function own_window(snapshot: Snapshot): FakeApp {
  return new FakeApp(snapshot).opens({ view: "prompt", prompt: 7 }, "prompt-7");
}

test("in the main window a prompt is a sheet over the view, and Esc cancels it alone", async () => {
  const app = new FakeApp(waiting()).opens({ view: "prompt", prompt: 7 });
  const user = await open(app);
  expect(screen.getByRole("dialog")).toBeTruthy();
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(app.sent("cancel")).toEqual([{ prompt: 7 }]);
  expect(app.sent("close_window")).toHaveLength(0);
});

test("Esc in a prompt's own window cancels and closes it", async () => {
  const app = own_window(waiting());
  const user = await open(app);
  await user.keyboard("{Escape}");
  expect(app.sent("cancel")).toEqual([{ prompt: 7 }]);
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
});

test("a prompt answered elsewhere closes quietly, and says so", async () => {
  const app = new FakeApp(waiting()).opens({ view: "prompt", prompt: 7 });
  await open(app);
  await app.sends(base());
  await settled();
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(announced()).toContain("answered elsewhere");
  expect(app.sent("cancel")).toHaveLength(0);
});

test("a sign-in that was given up in the window of its page is said to be cancelled", async () => {
  const page = fixtures.prompt(50, fixtures.browser(), { identity: "data-lake" });
  const app = new FakeApp(base())
    .on("sign_in", () => needs(page))
    .fails("follow", fixtures.failure("cancelled", "a sign-in is needed"));
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Sign in: data-lake" }));
  await screen.findByRole("dialog");
  await app.sends(fixtures.with_prompts(base(), page));
  await app.sends(base());
  await waitFor(() => expect(announced()).toContain("The sign-in was cancelled"));
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("a prompt's own window says that it was answered elsewhere before it closes", async () => {
  const app = own_window(waiting());
  await open(app);
  vi.useFakeTimers();
  await app.sends(base());
  await vi.advanceTimersByTimeAsync(10);
  expect(screen.getByRole("heading", { name: /answered elsewhere/ })).toBeTruthy();
  expect(app.sent("close_window")).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(3000);
  expect(app.sent("close_window")).toHaveLength(1);
});

test("a program that has given up is said to have, and the one that waits next takes its place", async () => {
  const app = own_window(waiting());
  const user = await open(app);
  const has_given_up = waiting();
  has_given_up.agent!.prompts[0]!.is_waited_for = false;
  await app.sends(has_given_up);
  expect(await screen.findByRole("heading", { name: /no longer waits for dev-admin/ })).toBeTruthy();
  const next = { program: "kubectl", pid: 4712, person: "absent" } as const;
  await app.sends(fixtures.with_prompts(base(), fixtures.prompt(7, fixtures.kinds.code, { asker: next, wanted: "deploy" })));
  expect(await screen.findByRole("heading", { name: "kubectl (pid 4712) needs dev-admin" })).toBeTruthy();
  // What it says after a wrong code is this page's own request.
  const own = { program: "keyfob", pid: 99, person: "present" } as const;
  app.on("answer_code", () => needs(fixtures.prompt(8, fixtures.kinds.refused_code, { asker: own, attempt: 2 })));
  await user.keyboard("111111");
  expect(await screen.findByText(/did not accept this code/)).toBeTruthy();
  expect(screen.getByRole("heading", { name: "kubectl (pid 4712) needs dev-admin" })).toBeTruthy();
});

test("a prompt that is no longer open is awaited briefly, then reported", async () => {
  const app = own_window(base());
  await open(app);
  expect(screen.queryByRole("heading", { name: /answered elsewhere/ })).toBeNull();
  await screen.findByRole("heading", { name: /answered elsewhere/ }, { timeout: 3000 });
});

test("a prompt whose number comes before its snapshot is shown when the snapshot comes", async () => {
  const app = new FakeApp(base());
  await open(app);
  await app.shows({ view: "prompt", prompt: 7 });
  await settled();
  await app.sends(waiting());
  expect(await screen.findByRole("dialog")).toBeTruthy();
});

test("the prompt of a sign-in started here that no snapshot lists stays", async () => {
  const app = new FakeApp(base()).on("sign_in", () => needs(fixtures.prompt(50, fixtures.kinds.code, { identity: "data-lake" })));
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Sign in: data-lake" }));
  await screen.findByRole("dialog", { name: "Sign in to data-lake" });
  await app.sends(base());
  await settled();
  expect(screen.getByRole("dialog")).toBeTruthy();
});

test("a second prompt does not stack on, or replace, the one being answered", async () => {
  const both = fixtures.with_prompts(
    base(),
    fixtures.prompt(7, fixtures.kinds.code),
    fixtures.prompt(8, fixtures.kinds.keys, { identity: "ci-bot" }),
  );
  const app = new FakeApp(both).opens({ view: "prompt", prompt: 7 });
  const user = await open(app);
  await user.type(screen.getByLabelText("MFA code"), "12");
  await app.shows({ view: "prompt", prompt: 8 });
  await settled();
  expect(screen.getAllByRole("dialog")).toHaveLength(1);
  expect(screen.getByLabelText<HTMLInputElement>("MFA code").value).toBe("12");
});

test("programs' prompts are a queue: the next comes with the answer, and waits while a code is typed", async () => {
  const two = [fixtures.prompt(7, fixtures.kinds.code), fixtures.prompt(8, fixtures.kinds.code, { identity: "ci-bot" })];
  const app = own_window(fixtures.with_prompts(base(), ...two)).on("answer_code", () => signed_in("dev-admin"));
  const user = await open(app);
  expect(screen.getByText("1 of 2")).toBeTruthy();
  expect(document.title).toMatch(/^Keyfob: .+ needs an MFA code for .+ \(1 of 2\)$/);
  await user.type(screen.getByLabelText("MFA code"), "123456");
  await screen.findByRole("heading", { name: /needs ci-bot/ });
  expect(screen.getByText("2 of 2")).toBeTruthy();
  expect(app.sent("close_window")).toHaveLength(0);
  await user.keyboard("12");
  expect(app.sent("answer_code")).toHaveLength(1);

  await app.sends(fixtures.with_prompts(base(), two[0]!));
  await settled();
  expect(screen.queryByLabelText("MFA code")).toBeNull();
  await user.keyboard("3456");
  expect(app.sent("answer_code")).toHaveLength(1);
  await user.click(screen.getByRole("button", { name: /^Next: / }));
  expect(screen.getByLabelText<HTMLInputElement>("MFA code").value).toBe("");
});

test("a sheet closed while its answer is under way cancels what follows, and shows nothing late", async () => {
  const app = new FakeApp(waiting(fixtures.kinds.keys)).opens({ view: "prompt", prompt: 7 });
  const held = app.holds("answer_keys");
  const user = await open(app);
  await user.type(screen.getByLabelText("Access key ID"), KEY_ID);
  await user.type(screen.getByLabelText("Secret access key"), SECRET);
  await user.keyboard("{Enter}");
  await waitFor(() => expect(app.sent("answer_keys")).toHaveLength(1));
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("dialog")).toBeNull();
  held.answer(needs(fixtures.prompt(51, fixtures.kinds.code)));
  await settled();
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(app.sent("cancel")).toEqual([{ prompt: 51 }]);
  expect(everything()).not.toContain(SECRET);
});

test("a failure ends the sign-in: the form closes, the error is shown, and another sign-in can be started", async () => {
  const app = new FakeApp(waiting()).opens({ view: "prompt", prompt: 7 });
  app.fails("answer_code", fixtures.failure("network", "AWS could not be reached", "try again later"));
  app.fails("sign_in", fixtures.failure("network", "AWS still could not be reached"));
  const user = await open(app);
  await user.type(screen.getByLabelText("MFA code"), "111111");
  expect((await screen.findByRole("alert")).textContent).toContain("AWS could not be reached");
  expect(screen.queryByLabelText("MFA code")).toBeNull();
  expect(screen.getByRole("dialog", { name: "terraform (pid 4711) needs dev-admin" })).toBeTruthy();
  await app.sends(base());
  await user.click(screen.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("still could not be reached"));
  app.on("sign_in", () => needs(fixtures.prompt(41, fixtures.kinds.code))).on("answer_code", () => signed_in("dev-admin"));
  await user.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByRole("dialog", { name: "Sign in to dev-admin" });
  await user.type(await screen.findByLabelText("MFA code"), "222222");
  await waitFor(() => expect(app.sent("answer_code").map(({ prompt }) => prompt)).toEqual([7, 41]));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(app.sent("sign_in")).toEqual(Array(2).fill({ identity: "dev-admin", renewal: "when_due" }));
  expect(app.sent("cancel")).toHaveLength(0);
});

test("a failure closed while another sign-in is starting withdraws the prompt that follows", async () => {
  const app = new FakeApp(waiting()).opens({ view: "prompt", prompt: 7 });
  app.fails("answer_code", fixtures.failure("network", "AWS could not be reached"));
  const held = app.holds("sign_in");
  const user = await open(app);
  await user.type(screen.getByLabelText("MFA code"), "111111");
  await user.click(await screen.findByRole("button", { name: "Try again" }));
  await user.keyboard("{Escape}");
  held.answer(needs(fixtures.prompt(42, fixtures.kinds.code)));
  await settled();
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(app.sent("cancel")).toEqual([{ prompt: 42 }]);
});

test("a failure in a prompt's own window stays until it is closed", async () => {
  const app = own_window(waiting()).fails("answer_code", fixtures.failure("access_denied", "a policy denies it"));
  const user = await open(app);
  await user.type(screen.getByLabelText("MFA code"), "111111");
  await screen.findByRole("alert");
  await app.sends(base());
  await settled();
  expect(app.sent("close_window")).toHaveLength(0);
  await user.click(screen.getByRole("button", { name: "Close" }));
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
});

test("a failed unlock has no sign-in to start again", async () => {
  const app = own_window(fixtures.with_prompts(base(), fixtures.prompt(7, fixtures.kinds.unlock, { identity: "" })));
  app.fails("answer_passphrase", fixtures.failure("keyring_locked", "the keyring stays locked"));
  const user = await open(app);
  await user.type(screen.getByLabelText("Passphrase"), "correct horse{Enter}");
  await screen.findByRole("alert");
  expect(screen.queryByRole("button", { name: "Try again" })).toBeNull();
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("button", { name: "Close" })));
});

test("a renewal that fails is tried again as a renewal", async () => {
  const app = new FakeApp(base())
    .on("sign_in", () => needs(fixtures.prompt(60, fixtures.kinds.code)))
    .fails("answer_code", fixtures.failure("network", "AWS could not be reached"));
  const user = await open(app);
  await app.shows({ view: "sign_in", identity: "dev-admin", renewal: "always" });
  await user.type(await screen.findByLabelText("MFA code"), "111111");
  await user.click(await screen.findByRole("button", { name: "Try again" }));
  await screen.findByLabelText("MFA code");
  expect(app.sent("sign_in")).toEqual(Array(2).fill({ identity: "dev-admin", renewal: "always" }));
});

test("a sheet closed while its answer is under way still says that it went well", async () => {
  const app = new FakeApp(waiting()).opens({ view: "prompt", prompt: 7 });
  const held = app.holds("answer_code");
  const user = await open(app);
  await user.type(screen.getByLabelText("MFA code"), "123456");
  await user.keyboard("{Escape}");
  held.answer(signed_in("dev-admin"));
  await waitFor(() => expect(announced()).toContain("Signed in to dev-admin"));
});

test("the snapshot that loses the prompt because it is being answered here does not close it", async () => {
  const app = new FakeApp(waiting()).opens({ view: "prompt", prompt: 7 });
  const held = app.holds("answer_code");
  const user = await open(app);
  await user.type(screen.getByLabelText("MFA code"), "123456");
  await app.sends(base());
  await settled();
  expect(screen.getByRole("dialog")).toBeTruthy();
  held.answer(needs(fixtures.prompt(52, fixtures.kinds.refused_code, { attempt: 2 })));
  expect((await screen.findByRole("alert")).textContent).toContain("did not accept");
  await app.sends(base());
  await settled();
  expect(screen.getByRole("dialog")).toBeTruthy();
});

test("a prompt of the tray's sign-in is the user's own, not a program's", async () => {
  const asker = { program: "Keyfob", pid: 900, person: "present" } as const;
  const snapshot = fixtures.with_prompts(base(), fixtures.prompt(7, fixtures.kinds.code, { asker }));
  await open(own_window(snapshot));
  expect(screen.getByRole("heading", { name: "Sign in to dev-admin" })).toBeTruthy();
});

test("a browser sign-in shows code and address, opens the browser, and ends by itself", async () => {
  const app = own_window(waiting(fixtures.browser()));
  const user = await open(app);
  expect(screen.getByText("WXYZ-BCDF")).toBeTruthy();
  expect(document.body.textContent).toContain("https://device.sso.eu-central-1.amazonaws.com/?user_code=WXYZ-BCDF");
  for (const part of ["address", "code"]) {
    await user.click(screen.getByRole("button", { name: `Copy ${part}` }));
    expect(app.sent("copy_from_prompt").at(-1)).toEqual({ prompt: 7, part });
    expect(announced()).toContain(`${part === "address" ? "Address" : "Code"} copied`);
  }
  await user.click(screen.getByRole("button", { name: "Open browser" }));
  expect(app.sent("open_browser")).toEqual([{ prompt: 7 }]);
  expect(screen.getByText(/Waiting for the browser/)).toBeTruthy();
  await app.sends(base());
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
  expect(announced()).toContain("Signed in to dev-admin");
  expect(app.sent("cancel")).toHaveLength(0);
});

test("a browser prompt of a sign-in started here ends with its prompt in the snapshot", async () => {
  const prompt = fixtures.prompt(58, fixtures.browser(), { identity: "data-lake" });
  const app = new FakeApp(base()).on("sign_in", () => needs(prompt)).on("follow", () => signed_in("data-lake"));
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Sign in: data-lake" }));
  await screen.findByRole("dialog", { name: "Sign in to data-lake" });
  await app.sends(base());
  await app.sends(fixtures.with_prompts(base(), { ...prompt, id: 59 }));
  await settled();
  expect(screen.getByRole("dialog")).toBeTruthy();
  await app.sends(fixtures.team_with("data-lake", { state: "valid", expires_at: fixtures.from_now(HOUR) }));
  await settled();
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(app.sent("follow")).toEqual([{ prompt: 58 }]);
  expect(announced()).toContain("Signed in to data-lake");
});

test("a sign-in started here that fails after what a program said shows why", async () => {
  const prompt = fixtures.prompt(58, fixtures.kinds.program, { identity: "data-lake" });
  const app = new FakeApp(base())
    .on("sign_in", () => needs(prompt))
    .fails("follow", fixtures.failure("access_denied", "AWS denied data-lake"));
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Sign in: data-lake" }));
  await screen.findByRole("dialog", { name: "Sign in to data-lake" });
  await app.sends(fixtures.with_prompts(base(), prompt));
  await app.sends(base());
  expect(await screen.findByText("AWS denied data-lake")).toBeTruthy();
});

test("what a program says is shown for as long as it runs", async () => {
  const app = own_window(waiting(fixtures.kinds.program));
  await open(app);
  expect(screen.getByText("Touch your YubiKey...")).toBeTruthy();
  const next = fixtures.prompt(8, { program: { program: "ykman", says: "Touch it again" } });
  await app.sends(fixtures.with_prompts(base(), next));
  expect(await screen.findByText("Touch it again")).toBeTruthy();
  await app.sends(base());
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
  expect(app.sent("cancel")).toHaveLength(0);
});

test("a browser that cannot be opened is an error", async () => {
  const app = own_window(waiting(fixtures.browser())).fails(
    "open_browser",
    fixtures.failure("process_failed", "no browser could be started", "open the address yourself"),
  );
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Open browser" }));
  expect(await screen.findByText(/No browser could be started/)).toBeTruthy();
});

test("the keyring is unlocked with its passphrase, which does not stay", async () => {
  const app = own_window(fixtures.with_prompts(base(), fixtures.prompt(7, fixtures.kinds.unlock, { identity: "" })));
  const held = app.holds("answer_passphrase");
  const user = await open(app);
  expect(screen.getByRole("heading", { name: "terraform (pid 4711) needs the keyring" })).toBeTruthy();
  await user.type(screen.getByLabelText("Passphrase"), "correct horse{Enter}");
  expect(app.sent("answer_passphrase")).toEqual([{ prompt: 7, passphrase: "correct horse" }]);
  await settled();
  expect(screen.getByLabelText<HTMLInputElement>("Passphrase").value).toBe("");
  expect(everything()).not.toContain("correct horse");
  held.answer(signed_in("dev-admin"));
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
});

test("a refused passphrase is shown at its field", async () => {
  const kind = { keyring_passphrase: { ...fixtures.kinds.unlock.keyring_passphrase, refused: "wrong passphrase" } };
  await open(own_window(fixtures.with_prompts(base(), fixtures.prompt(7, kind, { identity: "", attempt: 2 }))));
  const field = screen.getByLabelText("Passphrase");
  expect(field.getAttribute("aria-invalid")).toBe("true");
  expect(document.body.textContent).toContain("Wrong passphrase");
});

test("keys of another user are stored only after a yes, and both users are named", async () => {
  const app = own_window(fixtures.with_prompts(base(), fixtures.prompt(7, fixtures.kinds.other_user)));
  const user = await open(app);
  for (const who of ["kim", "pat"]) expect(screen.getByText(`arn:aws:iam::123456789012:user/${who}`)).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Store these keys" }));
  expect(app.sent("confirm_user")).toEqual([{ prompt: 7 }]);
});

test("a sign-in of another user says so, and is no matter of keys", async () => {
  const users = { ...fixtures.kinds.other_user.other_user, by: "sign_in" as const };
  await open(own_window(fixtures.with_prompts(base(), fixtures.prompt(7, { other_user: users }))));
  expect(screen.getByRole("button", { name: "Use this sign-in" })).toBeTruthy();
  expect(document.body.textContent).not.toContain("keys");
});

test("the code of a sign-in in another browser is pasted, sent once, and does not stay", async () => {
  const app = own_window(fixtures.with_prompts(base(), fixtures.prompt(7, fixtures.paste("copy all of it"))));
  const held = app.holds("answer_pasted");
  const user = await open(app);
  expect(document.body.textContent).toContain("Copy all of it");
  const field = screen.getByLabelText<HTMLInputElement>("Code");
  await user.type(field, "c3RhdGU9eA{Enter}");
  expect(app.sent("answer_pasted")).toEqual([{ prompt: 7, text: "c3RhdGU9eA" }]);
  expect(field.value).toBe("");
  held.answer(signed_in("me"));
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
});

test("the page of an identity provider opens once for its user, and what was refused is said", async () => {
  const prompt = fixtures.prompt(58, fixtures.page(null), { identity: "data-lake" });
  const app = new FakeApp(base()).on("sign_in", () => needs(prompt));
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Sign in: data-lake" }));
  await screen.findByRole("dialog", { name: "Sign in to data-lake" });
  expect(app.sent("open_browser")).toHaveLength(0);
  for (let i = 0; i < 2; i++) await app.sends(fixtures.with_prompts(base(), prompt));
  expect(app.sent("open_browser")).toEqual([{ prompt: 58 }]);
  const again = fixtures.prompt(59, fixtures.page("the assertion is not signed"), { identity: "data-lake", attempt: 2 });
  await app.sends(fixtures.with_prompts(base(), again));
  expect((await screen.findByRole("alert")).textContent).toContain("The assertion is not signed");
  expect(app.sent("open_browser")).toHaveLength(1);
  await user.click(screen.getByRole("button", { name: "Open sign-in page" }));
  expect(app.sent("open_browser")[1]).toEqual({ prompt: 59 });
});

test("the page of an identity provider waits for a press where a program asked", async () => {
  const app = own_window(waiting(fixtures.page(null)));
  const user = await open(app);
  await settled();
  expect(document.title).toBe("Keyfob: terraform needs a sign-in at the identity provider for dev-admin");
  expect(app.sent("open_browser")).toHaveLength(0);
  await user.click(screen.getByRole("button", { name: "Open sign-in page" }));
  expect(app.sent("open_browser")).toEqual([{ prompt: 7 }]);
});

test("a new passphrase is typed twice, and both have to match", async () => {
  const app = own_window(
    fixtures.with_prompts(base(), fixtures.prompt(7, fixtures.kinds.new_passphrase, { identity: "" })),
  );
  const user = await open(app);
  await user.type(screen.getByLabelText("Passphrase"), "one");
  await user.type(screen.getByLabelText("Repeat passphrase"), "two{Enter}");
  expect(await screen.findByText("The passphrases do not match")).toBeTruthy();
  expect(app.sent("answer_passphrase")).toHaveLength(0);
  await user.clear(screen.getByLabelText("Repeat passphrase"));
  await user.type(screen.getByLabelText("Repeat passphrase"), "one{Enter}");
  expect(app.sent("answer_passphrase")).toEqual([{ prompt: 7, passphrase: "one" }]);
});

test("a prompt's window becomes as high as its page; the main window does not", async () => {
  const observed: Element[] = [];
  let notice = () => {};
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(callback: () => void) {
        notice = callback;
      }
      observe(element: Element) {
        observed.push(element);
      }
      disconnect() {}
    },
  );
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue({ height: 211.4 } as DOMRect);
  const app = own_window(waiting());
  await open(app);
  notice();
  notice();
  expect(app.sent("fit")).toEqual([{ height: 212 }]);
  expect(observed).toHaveLength(1);
  vi.unstubAllGlobals();
});

test("a sign-in from the tray starts at once, and its prompt follows", async () => {
  const app = new FakeApp(base())
    .opens({ view: "sign_in", identity: "data-lake", renewal: "always" })
    .on("sign_in", () => needs(fixtures.prompt(53, fixtures.kinds.code, { identity: "data-lake" })));
  await open(app);
  expect(app.sent("sign_in")).toEqual([{ identity: "data-lake", renewal: "always" }]);
  expect(await screen.findByRole("dialog", { name: "Sign in to data-lake" })).toBeTruthy();
});

test("a sign-in from the tray that fails is shown above the identities", async () => {
  const app = new FakeApp(base()).fails("sign_in", fixtures.failure("network", "AWS could not be reached", "try again"));
  const user = await open(app);
  await app.shows({ view: "sign_in", identity: "data-lake", renewal: "when_due" });
  expect((await screen.findByRole("alert")).textContent).toContain("AWS could not be reached");
  await user.click(screen.getByRole("button", { name: "Dismiss" }));
  expect(screen.queryByRole("alert")).toBeNull();
});

test("new keys from a notice are entered, and the sign-in follows", async () => {
  const app = new FakeApp(base()).on("answer_keys", () => configured("ci-bot"));
  const user = await open(app);
  await app.shows({ view: "enter_keys", identity: "ci-bot" });
  await user.type(await screen.findByLabelText("Access key ID"), KEY_ID);
  await user.type(screen.getByLabelText("Secret access key"), SECRET);
  await user.keyboard("{Enter}");
  await waitFor(() => expect(app.sent("sign_in")).toEqual([{ identity: "ci-bot", renewal: "when_due" }]));
});

test("a sign-in from the tray does not disturb the prompt being answered", async () => {
  const app = new FakeApp(waiting()).opens({ view: "prompt", prompt: 7 });
  const user = await open(app);
  await user.type(screen.getByLabelText("MFA code"), "12");
  await app.shows({ view: "sign_in", identity: "data-lake", renewal: "when_due" });
  await settled();
  expect(app.sent("sign_in")).toHaveLength(0);
  expect(screen.getByLabelText<HTMLInputElement>("MFA code").value).toBe("12");
});

test("when a sheet closes the focus is where it was, or on its row when the button is gone", async () => {
  const app = new FakeApp(base()).on("sign_in", () => needs(fixtures.prompt(54, fixtures.kinds.code, { identity: "data-lake" })));
  const user = await open(app);
  const verb = screen.getByRole("button", { name: "Sign in: data-lake" });
  await user.click(verb);
  await screen.findByRole("dialog");
  await user.keyboard("{Escape}");
  await waitFor(() => expect(document.activeElement).toBe(verb));
  await user.click(verb);
  await user.type(await screen.findByLabelText("MFA code"), "12345");
  await app.sends(fixtures.team_with("data-lake", { state: "valid", expires_at: fixtures.from_now(HOUR) }));
  await user.type(screen.getByLabelText("MFA code"), "6");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await waitFor(() => expect(document.activeElement?.textContent).toContain("data-lake"));
});

test("a prompt can be answered while the answer of a closed one is still under way", async () => {
  const app = new FakeApp(waiting()).opens({ view: "prompt", prompt: 7 });
  const held = app.holds("answer_code");
  const user = await open(app);
  await user.type(screen.getByLabelText("MFA code"), "111111");
  await user.keyboard("{Escape}");
  app.on("sign_in", () => needs(fixtures.prompt(55, fixtures.kinds.code, { identity: "data-lake" })));
  await user.click(screen.getByRole("button", { name: "Sign in: data-lake" }));
  app.on("answer_code", () => signed_in("data-lake"));
  await user.type(await screen.findByLabelText("MFA code"), "222222");
  await waitFor(() => expect(app.sent("answer_code").map(({ prompt }) => prompt)).toEqual([7, 55]));
  held.fail(fixtures.failure("network", "late"));
  await settled();
  expect(document.body.textContent).not.toContain("late");
});

test("of two sign-ins started at once, the second prompt waits for the first, and comes only if it is still needed", async () => {
  const app = new FakeApp(base());
  const slow = app.holds("sign_in");
  const user = await open(app);
  await user.click(screen.getByRole("button", { name: "Sign in: data-lake" }));
  app.on("sign_in", () => needs(fixtures.prompt(56, fixtures.kinds.code, { identity: "audit" })));
  await user.click(screen.getByRole("button", { name: "Sign in: audit" }));
  await screen.findByRole("dialog", { name: "Sign in to audit" });
  slow.answer(needs(fixtures.prompt(57, fixtures.kinds.code, { identity: "data-lake" })));
  await settled();
  expect(screen.getAllByRole("dialog")).toHaveLength(1);
  expect(app.sent("cancel")).toHaveLength(0);
  app.on("sign_in", () => signed_in("data-lake")).on("answer_code", () => signed_in("audit"));
  await user.type(screen.getByLabelText("MFA code"), "123456");
  await waitFor(() => expect(announced()).toContain("Signed in to data-lake"));
  expect(screen.queryByRole("dialog")).toBeNull();
});

test.each([
  ["the main window", () => new FakeApp(waiting()).opens({ view: "prompt", prompt: 7 })],
  ["a prompt's own window", () => own_window(waiting())],
])("once the tray's process has ended, %s says so in place of everything else, and can be closed", async (_, fake) => {
  const app = fake();
  const user = await open(app);
  await app.shows({ view: "ended" });
  expect(await screen.findByRole("heading", { name: "Keyfob has ended" })).toBeTruthy();
  expect(screen.queryByLabelText("MFA code")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Close" }));
  expect(app.sent("close_window")).toHaveLength(1);
});

import { screen, waitFor } from "@testing-library/svelte";
import type { UserEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";
import { needs, prompt_window, signed_in } from "./fake-app";
import * as fixtures from "./fixtures";
import { KEY_ID, MFA, SECRET } from "./fixtures";
import { everything, open, settled } from "./page";

const key = () => screen.getByLabelText<HTMLInputElement>("Access key ID");
const secret = () => screen.getByLabelText<HTMLInputElement>("Secret access key");
const mfa = () => screen.getByLabelText<HTMLInputElement>("MFA device");
const duration = () => screen.getByLabelText<HTMLInputElement>("Session duration");
const submit = () => screen.getByRole("button", { name: /Store/ });

async function fill(user: UserEvent) {
  await user.type(key(), KEY_ID);
  await user.type(secret(), SECRET);
}

function described(field: HTMLElement): string {
  const ids = field.getAttribute("aria-describedby")?.split(" ") ?? [];
  return ids.map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
}

test("the form names the program and the reason, and is prefilled", async () => {
  await open(prompt_window(fixtures.kinds.keys));
  expect(screen.getByRole("heading", { name: "terraform (pid 4711) needs dev-admin" })).toBeTruthy();
  expect(screen.getByText("No access keys are stored yet.")).toBeTruthy();
  expect(mfa().value).toBe(MFA);
  expect(duration().value).toBe("36h");
  expect(document.activeElement).toBe(key());
});

test("revoked keys are explained; a duration that was never set is 12h", async () => {
  await open(prompt_window(fixtures.kinds.revoked));
  expect(screen.getByText(/no longer accepts the stored access keys.*not used any more/)).toBeTruthy();
  expect(duration().value).toBe("12h");
});

test("the secret is masked until it is shown, and kept from autofill", async () => {
  const user = await open(prompt_window(fixtures.kinds.keys));
  expect(secret().type).toBe("password");
  expect(secret().autocomplete).toBe("off");
  expect(secret().getAttribute("spellcheck")).toBe("false");
  expect(secret().getAttribute("autocapitalize")).toBe("off");
  await user.click(screen.getByRole("button", { name: "Show secret" }));
  expect(secret().type).toBe("text");
});

test("the form is sent as typed, the secret once, and nothing of it stays", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const held = app.holds("answer_keys");
  const user = await open(app);
  await user.type(key(), ` ${KEY_ID} `);
  await user.type(secret(), `  ${SECRET} `);
  await user.click(screen.getByRole("button", { name: "Show secret" }));
  await user.click(submit());
  await waitFor(() => expect(app.sent("answer_keys")).toHaveLength(1));
  expect(app.sent("answer_keys")[0]).toEqual({
    prompt: 7,
    keys: { access_key_id: KEY_ID, secret_access_key: SECRET, mfa_arn: MFA, session_duration: "36h" },
  });
  await settled();
  expect(secret().value).toBe("");
  expect(secret().type).toBe("password");
  expect(everything()).not.toContain(SECRET);
  expect(app.sent("close_window")).toHaveLength(0);
  held.answer(signed_in("dev-admin"));
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
  expect(everything()).not.toContain(SECRET);
});

test("the secret reaches no command but the answer", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const user = await open(app);
  await fill(user);
  await user.click(submit());
  await waitFor(() => expect(app.sent("answer_keys")).toHaveLength(1));
  const others = app.calls.filter(({ command }) => command !== "answer_keys");
  expect(JSON.stringify(others)).not.toContain(SECRET.slice(0, 12));
});

test("a secret with line breaks and spaces around it is taken without them", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const user = await open(app);
  await user.type(key(), KEY_ID);
  await user.click(secret());
  await user.paste(`\n ${SECRET}\r\n`);
  await user.click(submit());
  await waitFor(() => expect(app.sent("answer_keys")).toHaveLength(1));
  expect(app.sent("answer_keys")[0]).toMatchObject({ keys: { secret_access_key: SECRET } });
  expect(app.sent("paste")).toHaveLength(0);
});

test.each([
  ["spaces inside", "two words", "no spaces"],
  ["more than 256 characters", "x".repeat(257), "at most 256"],
  ["a megabyte", "x".repeat(1_048_576), "at most 256"],
  ["blanks alone", "   ", "required"],
])("a secret of %s is refused at its field", async (_, text, words) => {
  const app = prompt_window(fixtures.kinds.keys);
  const user = await open(app);
  await user.type(key(), KEY_ID);
  await user.click(secret());
  await user.paste(text);
  expect(described(secret())).toContain(words);
  expect(secret().getAttribute("aria-invalid")).toBe("true");
  await user.click(submit());
  await settled();
  expect(document.activeElement).toBe(secret());
  expect(app.sent("answer_keys")).toHaveLength(0);
});

test("touched fields are checked by Rust, a moment after typing", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const user = await open(app);
  await user.clear(duration());
  await user.type(duration(), "12x");
  expect(app.sent("check_keys")).toHaveLength(0);
  await waitFor(() => expect(described(duration())).toContain("12x is not a duration"));
  expect(app.sent("check_keys")).toEqual([
    { draft: { access_key_id: "", mfa_arn: MFA, session_duration: "12x" } },
  ]);
  expect(key().getAttribute("aria-invalid")).toBeNull();
});

test("a duration that AWS shortens is warned about while it is typed, and sent", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const user = await open(app);
  await user.clear(duration());
  await user.type(duration(), "48h");
  await waitFor(() => expect(described(duration())).toContain("48h was asked for, 36h is used"));
  expect(duration().getAttribute("aria-invalid")).toBeNull();
  await user.type(key(), KEY_ID);
  await user.type(secret(), SECRET);
  await user.click(submit());
  await waitFor(() => expect(app.sent("answer_keys")).toHaveLength(1));
});

test("an empty form is refused field by field, the first one focused", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const user = await open(app);
  await user.click(submit());
  await settled();
  expect(described(key())).toContain("The access key id is not one");
  expect(described(secret())).toContain("required");
  expect(document.activeElement).toBe(key());
  expect(app.sent("answer_keys")).toHaveLength(0);
});

test("a check that was overtaken by typing is dropped", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const first = app.holds("check_keys");
  const user = await open(app);
  await user.type(key(), "bad");
  await waitFor(() => expect(app.sent("check_keys")).toHaveLength(1));
  app.on("check_keys", () => []);
  await user.clear(key());
  await user.type(key(), KEY_ID);
  await waitFor(() => expect(app.sent("check_keys")).toHaveLength(2));
  first.answer([{ field: "access_key_id", message: "late" }]);
  await settled();
  expect(described(key())).not.toContain("Late");
});

test.each([
  ["AWS's CSV file", `Access key ID,Secret access key\r\n${KEY_ID},${SECRET}\r\n`],
  ["a profile", `[profile dev]\naws_access_key_id = ${KEY_ID}\naws_secret_access_key = ${SECRET}\n`],
  ["export lines", `export AWS_ACCESS_KEY_ID=${KEY_ID}\nexport AWS_SECRET_ACCESS_KEY=${SECRET}`],
  ["JSON", `{"access_key_id":"${KEY_ID}","secret_access_key":"${SECRET}"}`],
  ["one line of a CSV file", `${KEY_ID},${SECRET}`],
  ["a CSV file of another country", `Access key ID;Secret access key\n${KEY_ID};${SECRET}`],
  ["what `aws iam create-access-key` prints", `{"AccessKey": {"AccessKeyId": "${KEY_ID}", "SecretAccessKey": "${SECRET}"}}`],
  ["lines of PowerShell", `$Env:AWS_ACCESS_KEY_ID="${KEY_ID}"\n$Env:AWS_SECRET_ACCESS_KEY="${SECRET}"`],
  ["what a program of `credential_process` prints", `{"Version": 1, "AccessKeyId": "${KEY_ID}", "SecretAccessKey": "${SECRET}"}`],
  ["lines of cmd", `SET AWS_ACCESS_KEY_ID=${KEY_ID}\r\nSET AWS_SECRET_ACCESS_KEY=${SECRET}\r\n`],
])("%s pasted anywhere fills the fields, and its secret stays in Rust", async (_, text) => {
  const app = prompt_window(fixtures.kinds.keys).on("paste", () => ({
    access_key_id: KEY_ID,
    secret_characters: 40,
    mfa_arn: null,
    session_duration: "8h",
  }));
  const user = await open(app);
  await user.click(mfa());
  await user.paste(text);
  await waitFor(() => expect(key().value).toBe(KEY_ID));
  expect(app.sent("paste")).toEqual([{ text }]);
  expect(secret().placeholder).toBe("pasted, 40 characters");
  expect(secret().value).toBe("");
  expect(mfa().value).toBe(MFA);
  expect(duration().value).toBe("8h");
  expect(everything()).not.toContain(SECRET);
  await user.click(submit());
  await waitFor(() => expect(app.sent("answer_keys")).toHaveLength(1));
  expect(app.sent("answer_keys")[0]).toMatchObject({ keys: { access_key_id: KEY_ID, secret_access_key: null } });
});

test("typing over a pasted secret sends what was typed", async () => {
  const app = prompt_window(fixtures.kinds.keys).on("paste", () => ({
    access_key_id: KEY_ID,
    secret_characters: 40,
    mfa_arn: null,
    session_duration: null,
  }));
  const user = await open(app);
  await user.click(key());
  await user.paste(`${KEY_ID},${SECRET}`);
  await waitFor(() => expect(secret().placeholder).toContain("pasted"));
  await user.type(secret(), "another-secret");
  await user.click(submit());
  await waitFor(() => expect(app.sent("answer_keys")).toHaveLength(1));
  expect(app.sent("answer_keys")[0]).toMatchObject({ keys: { secret_access_key: "another-secret" } });
});

test("nonsense with many lines is refused with Rust's message and changes no field", async () => {
  const app = prompt_window(fixtures.kinds.keys).fails(
    "paste",
    fixtures.failure("invalid_input", "the CSV file has other columns", "AWS's begins: Access key ID,Secret access key"),
  );
  const user = await open(app);
  await user.click(key());
  await user.paste("a,b,c\n1,2,3");
  expect((await screen.findByRole("alert")).textContent).toContain("other columns");
  expect(key().value).toBe("");
});

test("a paste of more than 64 KiB is refused without leaving the page", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const user = await open(app);
  await user.click(key());
  await user.paste(`[profile dev]\n${"x = y\n".repeat(200_000)}`);
  expect((await screen.findByRole("alert")).textContent).toContain("larger than 64 KiB");
  expect(app.sent("paste")).toHaveLength(0);
  expect(key().value).toBe("");
});

test("text of one field is pasted as into any field", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const user = await open(app);
  await user.click(key());
  await user.paste(KEY_ID);
  expect(key().value).toBe(KEY_ID);
  await user.click(secret());
  await user.paste("abc+def/ghi=");
  expect(secret().value).toBe("abc+def/ghi=");
  expect(app.sent("paste")).toHaveLength(0);
});

test("refused keys keep the other fields, show why, and are entered again", async () => {
  const app = prompt_window(fixtures.kinds.keys).on("answer_keys", () =>
    needs(fixtures.prompt(31, fixtures.kinds.refused, { attempt: 2, unanswered: fixtures.revoked })),
  );
  const user = await open(app);
  await fill(user);
  await user.clear(duration());
  await user.type(duration(), "8h");
  await user.click(submit());
  expect((await screen.findByRole("alert")).textContent).toContain("AWS credentials are invalid");
  expect(screen.getByText("fob user configure --identity dev-admin").tagName).toBe("CODE");
  expect(key().value).toBe(KEY_ID);
  expect(secret().value).toBe("");
  expect(duration().value).toBe("8h");
  await waitFor(() => expect(document.activeElement).toBe(key()));
  expect(app.sent("close_window")).toHaveLength(0);
  app.on("answer_keys", () => signed_in("dev-admin"));
  await user.type(secret(), SECRET);
  await user.click(submit());
  await waitFor(() => expect(app.sent("answer_keys").map(({ prompt }) => prompt)).toEqual([7, 31]));
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
  expect(app.sent("sign_in")).toHaveLength(0);
});

test("a failure that ends the sign-in closes the form and leaves nothing of the secret", async () => {
  const app = prompt_window(fixtures.kinds.keys).fails("answer_keys", fixtures.failure("network", "AWS could not be reached"));
  const user = await open(app);
  await fill(user);
  await user.click(submit());
  expect((await screen.findByRole("alert")).textContent).toContain("AWS could not be reached");
  expect(screen.queryByLabelText("Access key ID")).toBeNull();
  expect(everything()).not.toContain(SECRET);
  app.on("sign_in", () => needs(fixtures.prompt(31, fixtures.kinds.keys)));
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByLabelText("Access key ID")).toBeTruthy();
  expect(app.sent("sign_in")).toEqual([{ identity: "dev-admin", renewal: "when_due" }]);
});

test("a secret that does not belong to its key is entered again, the problem at its field", async () => {
  const app = prompt_window(fixtures.kinds.keys).on("answer_keys", () =>
    needs(fixtures.prompt(32, fixtures.kinds.mismatch, { attempt: 2 })),
  );
  const user = await open(app);
  await fill(user);
  await user.click(submit());
  await waitFor(() => expect(described(secret())).toContain("does not belong to this key ID"));
  expect(key().value).toBe(KEY_ID);
  await waitFor(() => expect(document.activeElement).toBe(secret()));
  app.on("answer_keys", () => signed_in("dev-admin"));
  await user.type(secret(), SECRET);
  expect(described(secret())).not.toContain("does not belong");
  await user.click(submit());
  await waitFor(() => expect(app.sent("answer_keys").map(({ prompt }) => prompt)).toEqual([7, 32]));
});

test("stored keys are followed by the code, in the same place", async () => {
  const app = prompt_window(fixtures.kinds.keys).on("answer_keys", () => needs(fixtures.prompt(33, fixtures.kinds.code)));
  const user = await open(app);
  await fill(user);
  await user.click(submit());
  await user.type(await screen.findByLabelText("MFA code"), "123456");
  await waitFor(() => expect(app.sent("answer_code")).toEqual([{ prompt: 33, code: "123456" }]));
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
});

test("cancelling tells the agent and closes the window; what was typed is gone", async () => {
  const app = prompt_window(fixtures.kinds.keys);
  const user = await open(app);
  await fill(user);
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  expect(app.sent("cancel")).toEqual([{ prompt: 7 }]);
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
  expect(app.sent("answer_keys")).toHaveLength(0);
  expect(everything()).not.toContain(SECRET);
});

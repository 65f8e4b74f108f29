import { screen, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { needs, prompt_window, signed_in } from "./fake-app";
import * as fixtures from "./fixtures";
import { open, settled } from "./page";

const field = () => screen.getByLabelText<HTMLInputElement>("MFA code");

test("six digits are sent by themselves, once", async () => {
  const app = prompt_window(fixtures.kinds.code);
  const held = app.holds("answer_code");
  const user = await open(app);
  expect(field().inputMode).toBe("numeric");
  await user.type(field(), "12345");
  expect(app.sent("answer_code")).toHaveLength(0);
  await user.type(field(), "6");
  await user.keyboard("{Enter}");
  expect(app.sent("answer_code")).toEqual([{ prompt: 7, code: "123456" }]);
  held.answer(signed_in("dev-admin"));
  await waitFor(() => expect(app.sent("close_window")).toHaveLength(1));
});

test("a code pasted with spaces is taken", async () => {
  const app = prompt_window(fixtures.kinds.code);
  const user = await open(app);
  await user.click(field());
  await user.paste(" 123 456 ");
  await waitFor(() => expect(app.sent("answer_code")).toEqual([{ prompt: 7, code: "123456" }]));
});

test.each([
  ["letters", "12a4b", "124"],
  ["seven digits", "1234567", ""],
])("%s are refused visibly, and nothing is sent", async (_, text, left) => {
  const app = prompt_window(fixtures.kinds.code);
  const user = await open(app);
  await user.click(field());
  await user.paste(text);
  expect(screen.getByRole("alert").textContent).toContain("Codes are six digits");
  expect(field().value).toBe(left);
  expect(field().getAttribute("aria-invalid")).toBe("true");
  expect(app.sent("answer_code")).toHaveLength(0);
});

test("an incomplete code is not sent with Enter", async () => {
  const app = prompt_window(fixtures.kinds.code);
  const user = await open(app);
  await user.type(field(), "123{Enter}");
  expect(screen.getByRole("alert").textContent).toContain("Codes are six digits");
  expect(app.sent("answer_code")).toHaveLength(0);
});

test("a refused code is entered again, with the reason, in an empty field", async () => {
  const app = prompt_window(fixtures.kinds.code).on("answer_code", () => needs(fixtures.prompt(40, fixtures.kinds.refused_code, { attempt: 2 })));
  const user = await open(app);
  await user.type(field(), "111111");
  expect((await screen.findByRole("alert")).textContent).toContain("Use the next one");
  expect(field().value).toBe("");
  expect(document.activeElement).toBe(field());
  app.on("answer_code", () => signed_in("dev-admin"));
  await user.type(field(), "2");
  expect(screen.queryByRole("alert")).toBeNull();
  await user.type(field(), "22222");
  await waitFor(() => expect(app.sent("answer_code").map(({ prompt }) => prompt)).toEqual([7, 40]));
});

test("the 30 seconds in which a code is good are counted", async () => {
  await open(prompt_window(fixtures.kinds.code));
  expect(document.body.textContent).toMatch(/next code in ([1-9]|[12]\d|30) s/);
});

test("a shortened device is whole to a screen reader", async () => {
  const device = "arn:aws:iam::123456789012:mfa/a-device-with-a-name-that-is-long";
  await open(prompt_window({ mfa: { device, refused: null } }));
  await settled();
  expect(screen.getByText(device)).toBeTruthy();
});

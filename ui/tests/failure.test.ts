import { expect, test } from "vitest";
import { partsOf } from "../failure";
import { failure } from "./fixtures";

test("an error is a headline; what AWS or the system said comes apart, without the system's numbers", () => {
  const offline = failure("network", "AWS could not be reached: connection reset (os error 104)");
  expect(partsOf(offline)).toEqual({ headline: "AWS could not be reached", detail: "connection reset" });
  const message = "kim → deploy: AWS denied access: User: kim is not authorized";
  const denied = { ...failure("access_denied", message), context: { step: "kim → deploy" } };
  expect(partsOf(denied)).toEqual({
    headline: "AWS denied the role deploy",
    detail: "AWS denied access: User: kim is not authorized",
  });
  const own = failure("invalid_input", "the name: it is taken");
  expect(partsOf(own)).toEqual({ headline: "the name: it is taken", detail: null });
});

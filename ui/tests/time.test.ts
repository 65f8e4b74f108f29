import { expect, test } from "vitest";
import { moment, shareLeft, timeLeft, written } from "../time";

const now = Date.parse("2026-03-02T10:00:00Z");

test.each([
  ["2026-03-03T21:59:59Z", "36 h"],
  ["2026-03-02T11:00:00Z", "1 h"],
  ["2026-03-02T10:59:59Z", "1 h"],
  ["2026-03-02T10:59:29Z", "59 min"],
  ["2026-03-02T10:00:59Z", "< 1 min"],
  ["2026-03-02T10:00:00Z", null],
  ["2026-03-01T10:00:00Z", null],
  [null, null],
])("until %s there is %s left", (until, left) => {
  expect(timeLeft(until, now)).toBe(left);
});

test.each([
  [129_600, "36h"],
  [5_400, "90m"],
  [45, "45s"],
  [3_601, "3601s"],
])("%d seconds are written %s", (seconds, text) => {
  expect(written(seconds)).toBe(text);
});

test("what is left of a life is between nothing and all of it", () => {
  expect(shareLeft("2026-03-02T09:00:00Z", "2026-03-02T11:00:00Z", now)).toBe(0.5);
  expect(shareLeft("2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", now)).toBe(0);
  expect(shareLeft("2026-03-02T11:00:00Z", "2026-03-02T12:00:00Z", now)).toBe(1);
  expect(shareLeft(null, "2026-03-02T11:00:00Z", now)).toBeNull();
  expect(shareLeft("2026-03-02T11:00:00Z", "2026-03-02T11:00:00Z", now)).toBeNull();
});

test("a moment has its day only when that is not today", () => {
  expect(moment("2026-03-02T14:02:00Z", now)).toBe("14:02");
  expect(moment("2026-03-03T00:00:00Z", now)).toBe("tomorrow 00:00");
  expect(moment("2026-03-01T23:59:00Z", now)).toBe("yesterday 23:59");
  expect(moment("2026-03-05T14:02:00Z", now)).toMatch(/5.*14:02/);
});

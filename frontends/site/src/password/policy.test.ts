import { expect, test } from "vitest";
import { check, type Policy, strayIn } from "./policy";

const USUAL_POLICY: Policy = {
  min: 8,
  max: 12,
  refusesDigitsOnly: true,
  refusesCommon: false,
  days: 60,
  temporaryAttempts: 3,
  permanentAttempts: 10,
  temporaryHours: 24,
  invalidEntries: 3,
};

const broken = (password: string, current = "Current99") =>
  check(USUAL_POLICY, password, current)
    .filter(([, met]) => met === false)
    .map(([rule]) => rule);

test("PW-1, PW-2: each condition is checked by itself", () => {
  expect(broken("Abc12345")).toEqual([]);
  expect(broken("abcdefgh")).toEqual([]);
  expect(broken("Abc1234")).toEqual(["LENGTH"]);
  expect(broken("Abc1234567890")).toEqual(["LENGTH"]);
  expect(broken("12345678")).toEqual(["DIGITS_ONLY"]);
  expect(broken("Abc-12345")).toEqual(["CHARACTERS"]);
  expect(broken("Ａbc12345")).toEqual(["CHARACTERS"]);
  expect(broken("Current99")).toEqual(["DIFFERENT"]);
  expect(broken("")).toEqual(["LENGTH", "CHARACTERS", "DIGITS_ONLY", "DIFFERENT"]);
});

/** PW-6: only the server knows whether a password is too common, and only after it was sent. */
test("common passwords are refused by the server", () => {
  const strict = { ...USUAL_POLICY, refusesCommon: true };
  const met = (password: string, common: string[]) =>
    new Map(check(strict, password, "Current99", common)).get("COMMON");
  expect(new Map(check(USUAL_POLICY, "password1", "")).has("COMMON")).toBe(false);
  expect(met("", [])).toBe(false);
  expect(met("password1", [])).toBeUndefined();
  expect(met("password1", ["password1"])).toBe(false);
});

/** SITE-2: without the server's figures only what no setting changes is checked. */
test("no figure is assumed", () => {
  expect(check(undefined, "Ab1", "Current99").map(([rule]) => rule)).toEqual(["CHARACTERS", "DIFFERENT"]);
});

/** SITE-5: a password that cannot be right is recognised before it is sent. */
test("stray characters are named", () => {
  expect(strayIn("Abc12345")).toBeUndefined();
  expect(strayIn("Abc12345 ")).toBe("space");
  expect(strayIn("Abc12345\u3000")).toBe("space");
  expect(strayIn("Ａbc12345")).toBe("wide");
  expect(strayIn("Abc-12345")).toBe("symbol");
});

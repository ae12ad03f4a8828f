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

test("PW-1, PW-2: each broken condition is reported", () => {
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

/** PW-6: only the server knows whether a password is too common. The site knows it only after a refusal. */
test("a password is too common only after the server has refused it", () => {
  const strict = { ...USUAL_POLICY, refusesCommon: true };
  const met = (password: string, common: string[]) =>
    new Map(check(strict, password, "Current99", common)).get("COMMON");
  expect(new Map(check(USUAL_POLICY, "password1", "")).has("COMMON")).toBe(false);
  expect(met("", [])).toBe(false);
  expect(met("password1", [])).toBeUndefined();
  expect(met("password1", ["password1"])).toBe(false);
});

/** SITE-2: without the server's figures, the site checks only the conditions that no setting changes. */
test("no figure is assumed", () => {
  expect(check(undefined, "Ab1", "Current99").map(([rule]) => rule)).toEqual(["CHARACTERS", "DIFFERENT"]);
});

/** SITE-5: the site recognises a character that no password contains, before the password is sent. */
test("stray characters are named", () => {
  expect(strayIn("Abc12345")).toBeUndefined();
  expect(strayIn("Abc12345 ")).toBe("space");
  expect(strayIn("Abc12345\u3000")).toBe("space");
  expect(strayIn("Ａbc12345")).toBe("wide");
  expect(strayIn("Abc-12345")).toBe("symbol");
});

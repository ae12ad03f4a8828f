import { expect, test } from "vitest";
import { estimate } from "./dictionary";

/** PW-6: common passwords, keyboard rows, names and the subscriber's number are weak. */
test("the estimate rates weak passwords lower than strong ones", () => {
  for (const weak of ["password1", "qwerty123", "tanaka01", "aaaaaaaa1", "abcd1234", "sakura2024"]) {
    expect(estimate(weak, []), weak).toBeLessThanOrEqual(1);
  }
  expect(estimate("x0312345001", ["0312345001"])).toBeLessThan(estimate("x0312345001", []));
  expect(estimate("vR7wq2Zt9Lk", [])).toBe(4);
});

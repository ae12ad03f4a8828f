import { expect, test } from "vitest";
import { addressFor, isForNumber } from "./services";

/** SITE-9: the number takes the place of `{number}`, and cannot add another part to the address. */
test("the address of a service for a number", () => {
  const address = "https://example.jp/forward?number={number}&from=site";
  expect(isForNumber(address)).toBe(true);
  expect(addressFor(address, "0312340001")).toBe("https://example.jp/forward?number=0312340001&from=site");
  expect(addressFor(address, "1&x=$&")).toBe("https://example.jp/forward?number=1%26x%3D%24%26&from=site");
  expect(isForNumber("https://example.jp/forward")).toBe(false);
});

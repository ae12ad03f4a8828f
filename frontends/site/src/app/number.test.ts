import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseNumber, showNumber } from "./number";

test("numbers are read in every usual form", () => {
  for (const typed of [
    "0312340001",
    "03-1234-0001",
    "03 1234 0001",
    "０３－１２３４－０００１",
    " 03‐1234‐0001 ",
  ]) {
    expect(parseNumber(typed), typed).toBe("0312340001");
  }
  for (const typed of ["", "312340001", "031234", "09012345678901", "03-1234-000x"]) {
    expect(parseNumber(typed), typed).toBeUndefined();
  }
});

/** UNIT-3: the site accepts exactly the separators and the digits that the services accept. */
test("the site accepts the same separators as the services", () => {
  const list = readFileSync("../../crates/domain/src/telephone/separators.txt", "utf8");
  const separators = new Set(list.trim().split("\n"));
  const nameOf = (code: number) => `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  const taken = Array.from({ length: 0x110000 }, (_, code) => code)
    .filter((code) => parseNumber(`050${String.fromCodePoint(code)}12345678`) === "05012345678")
    .map(nameOf);
  expect(taken).toEqual([...separators]);
  expect(parseNumber("050\u20151234\u25005678")).toBe("05012345678");
  const digits = Array.from({ length: 0x110000 }, (_, code) => code).filter((code) =>
    parseNumber(`050${String.fromCodePoint(code)}123456`),
  );
  expect(digits.map((code) => String.fromCodePoint(code)).join("")).toBe("0123456789０１２３４５６７８９");
});

test("a number is shown in groups if its first digits determine the groups", () => {
  expect(showNumber("09012345678")).toBe("090-1234-5678");
  expect(showNumber("0312340001")).toBe("03-1234-0001");
  expect(showNumber("0451110001")).toBe("0451110001");
});

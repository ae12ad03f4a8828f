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

test("numbers are shown in groups if these are certain", () => {
  expect(showNumber("09012345678")).toBe("090-1234-5678");
  expect(showNumber("0312340001")).toBe("03-1234-0001");
  expect(showNumber("0451110001")).toBe("0451110001");
});

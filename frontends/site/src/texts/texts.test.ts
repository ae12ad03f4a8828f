import { expect, test } from "vitest";
import { SERVER_REASONS } from "../gen/reasons";
import { en as activityEn } from "./activity/en";
import { ja as activityJa } from "./activity/ja";
import { en } from "./en";
import { ja } from "./ja";

const JAPANESE = /[\u3001-\u30ff\u4e00-\u9fff]/;

function words(value: unknown, path: string): [string, string][] {
  if (typeof value === "string") {
    return [[path, value]];
  }
  if (typeof value === "function") {
    return words((value as (...all: unknown[]) => unknown)({ min: 8, max: 12 }), path);
  }
  return Object.entries(value as object).flatMap(([key, inner]) => words(inner, `${path}.${key}`));
}

test("every server reason has its text in both languages", () => {
  expect(SERVER_REASONS).toContain("ACCOUNTS_NOT_READY");
  for (const reason of SERVER_REASONS) {
    expect(ja.reasons, reason).toHaveProperty(reason);
    expect(en.reasons, reason).toHaveProperty(reason);
  }
});

test("no text is left in the other language", () => {
  for (const [path, text] of [...words(en, "en"), ...words(activityEn, "en")]) {
    if (path !== "en.otherLanguage") {
      expect(text, path).not.toMatch(JAPANESE);
    }
  }
  for (const [path, text] of [...words(ja, "ja"), ...words(activityJa, "ja")]) {
    if (text !== "" && path !== "ja.otherLanguage" && !path.endsWith("expiryDays")) {
      expect(text, path).toMatch(JAPANESE);
    }
  }
});

// Accessibility: axe finds no problem on any page, in both languages and both colour schemes.

import { afterAll, describe, expect, test } from "vitest";
import { problemsOf } from "./lib/axe";
import { type Language, launch } from "./lib/browser";
import { tour } from "./lib/tour";

const browser = await launch();
afterAll(browser.close);

const LOOKS: [Language, "light" | "dark"][] = [
  ["ja", "light"],
  ["ja", "dark"],
  ["en", "light"],
  ["en", "dark"],
];

describe.each(LOOKS)("in %s, %s", (language, scheme) => {
  test("axe finds no problem on any page", async () => {
    const { page, context } = await browser.reader({
      language,
      scheme,
      size: scheme === "dark" ? "phone" : "desktop",
    });
    const found: string[] = [];
    await tour(page, language, async (name) => {
      const problems = await problemsOf(page);
      found.push(...problems.map((problem) => `${name}: ${problem}`));
    });
    expect(found).toEqual([]);
    await context.close();
  });
});

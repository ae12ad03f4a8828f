// Accessibility: axe finds no problem on any page, in both languages and both colour schemes.

import axe, { type AxeResults } from "axe-core";
import { afterAll, describe, expect, test } from "vitest";
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
      await page.evaluate(`if (!window.axe) { ${axe.source} }`);
      const results = (await page.evaluate(
        `axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })`,
      )) as AxeResults;
      for (const { id, nodes } of results.violations) {
        found.push(`${name}: ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
      }
    });
    expect(found).toEqual([]);
    await context.close();
  });
});

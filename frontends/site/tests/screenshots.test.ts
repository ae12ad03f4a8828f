// Writes a screenshot of every page to target/screenshots, for people: `cargo xtask site screenshots`.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, test } from "vitest";
import { type Language, launch, type SIZES } from "./lib/browser";
import { SOFTPHONE } from "./lib/system";
import { tour } from "./lib/tour";

const browser = await launch();
afterAll(browser.close);

const LOOKS: [Language, "light" | "dark", keyof typeof SIZES][] = [
  ["ja", "light", "desktop"],
  ["ja", "dark", "phone"],
  ["en", "light", "phone"],
  ["en", "dark", "desktop"],
];

test.each(LOOKS)("in %s, %s, %s", async (language, scheme, size) => {
  const to = resolve("../../target/screenshots", `${language}-${scheme}-${size}`);
  mkdirSync(to, { recursive: true });
  const { page, context } = await browser.reader({ language, scheme, size });
  await tour(page, language, async (name) => {
    await page.screenshot({ path: resolve(to, `${name}.png`), fullPage: name !== "warning" });
  });
  await page.goto(SOFTPHONE);
  await page.screenshot({ path: resolve(to, "softphone.png"), fullPage: true });
  await context.close();
});

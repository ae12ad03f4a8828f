// The softphone (dev/softphone): a subscriber sets a temporary password with it, and logs in on the site.

import { request } from "node:http";
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Language, launch, Reader } from "./lib/browser";
import { Keys } from "./lib/keys";
import { digits, line, SOFTPHONE, until } from "./lib/system";

const browser = await launch();
beforeAll(async () => {
  await until(() =>
    fetch(SOFTPHONE).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
});
afterAll(browser.close);

const WORDS = {
  ja: {
    other: "日本語",
    number: "電話番号",
    dial: "電話をかける",
    hangUp: "切る",
    set: /仮パスワードを設定しました/,
  },
  en: { other: "English", number: "Telephone number", dial: "Call", hangUp: "Hang up", set: /is set/ },
} as const;

/** Opens the softphone in a language. `spoken` returns the guidance that it has spoken. */
async function telephone(language: Language, scheme: "light" | "dark" = "light") {
  const { page, context, problems } = await browser.reader({ scheme });
  await page.addInitScript(() => {
    const spoken: string[] = [];
    Object.assign(window, { spoken });
    speechSynthesis.speak = ({ lang, text }) => spoken.push(`${lang} ${text}`);
  });
  await page.goto(SOFTPHONE);
  await page.locator("#telephone").selectOption("another");
  const words = WORDS[language];
  if (language === "en") {
    await page.getByRole("button", { name: words.other, exact: true }).click();
  }
  const spoken = () => page.evaluate(() => (window as unknown as { spoken: string[] }).spoken);
  return { page, context, problems, words, spoken };
}

/** Waits until the softphone shows that the dialog waits for keys. */
const waitsForKeys = (page: Page) => page.locator("#waiting:not(:empty)").waitFor();

async function key(page: Page, keys: string): Promise<void> {
  await waitsForKeys(page);
  for (const one of keys) {
    await page.locator("#keys").getByRole("button", { name: one, exact: true }).click();
  }
}

describe.each<Language>(["ja", "en"])("in %s", (language) => {
  /** IVR-2, IVR-5, IVR-6, IVR-8, LOGIN-1: from the call to the page that asks for a permanent password. */
  test("a login with the temporary password that a call has set", async () => {
    const [number] = await line();
    const temporary = digits(8);
    const { page, context, problems, words, spoken } = await telephone(language);
    await page.getByLabel(words.number, { exact: true }).fill(number);
    await page.getByRole("button", { name: words.dial, exact: true }).click();
    await key(page, "1");
    await key(page, temporary);
    // Some callers press the hash key even after an entry that is already complete.
    await key(page, `#${temporary}`);
    await page.locator("#guidance .end", { hasText: words.set }).waitFor();
    const heard = await spoken();
    expect(heard.length).toBeGreaterThan(2);
    expect(heard.every((text) => text.startsWith(language === "ja" ? "ja-JP" : "en-US"))).toBe(true);
    // The softphone does not show the keyed password.
    expect(await page.locator("main").textContent()).not.toContain(temporary);
    expect(problems).toEqual([]);
    const reader = new Reader(page, "ja");
    await reader.logIn(number, temporary);
    await reader.heading(reader.t.password.forcedTitle);
    await context.close();
  });

  /** IVR-3: a caller sets the temporary password of an additional number, with only the keyboard. */
  test("a call with only the keyboard", async () => {
    const [contract, first] = (await line(1)) as [string, string];
    const temporary = digits(8);
    const { page, context, words } = await telephone(language);
    const keys = new Keys(page);
    await page.getByLabel(words.number, { exact: true }).focus();
    await page.keyboard.press("Control+A");
    await page.keyboard.type(contract);
    await keys.press("button", words.dial);
    for (const keyed of ["2", `${first}#`, temporary, temporary]) {
      await waitsForKeys(page);
      await page.keyboard.type(keyed);
    }
    await page.locator("#guidance .end", { hasText: words.set }).waitFor();
    const reader = new Reader(page, "ja");
    await reader.logIn(first, temporary);
    await reader.heading(reader.t.password.forcedTitle);
    await context.close();
  });

  /**
   * IVR-7, IVR-11: three invalid entries end the call. A call with a withheld number is refused. After a hang-up, the
   * softphone can call again.
   */
  test("calls that set no password", async () => {
    const [number] = await line();
    const { page, context, words } = await telephone(language);
    const dial = page.getByRole("button", { name: words.dial, exact: true });
    const ended = page.locator("#guidance .end");
    await page.locator("#telephone").selectOption("");
    await dial.click();
    await ended.waitFor();
    await page.locator("#telephone").selectOption("another");
    await page.getByLabel(words.number, { exact: true }).fill(number);
    await dial.click();
    for (const _ of [1, 2, 3]) {
      await key(page, "9");
    }
    await ended.waitFor();
    await dial.click();
    await waitsForKeys(page);
    await page.getByRole("button", { name: words.hangUp, exact: true }).click();
    await ended.waitFor();
    await dial.waitFor();
    await context.close();
  });

  test.each(["light", "dark"] as const)("axe finds no problem (%s)", async (scheme) => {
    const [number] = await line();
    const { page, context, words } = await telephone(language, scheme);
    await page.getByLabel(words.number, { exact: true }).fill(number);
    await page.getByRole("button", { name: words.dial, exact: true }).click();
    await key(page, "1");
    await waitsForKeys(page);
    await page.evaluate(axe.source);
    const { violations } = (await page.evaluate("axe.run()")) as AxeResults;
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await context.close();
  });
});

/** Sends a turn with these headers to the softphone, and returns the status code. */
function statusOfTurn(headers: Record<string, string>): Promise<number | undefined> {
  const body = JSON.stringify({ call_id: "elsewhere", sequence: 0, event: { started: "0312345001" } });
  return new Promise((done, failed) => {
    const call = request(`${SOFTPHONE}/turn`, { method: "POST", headers }, (response) => {
      response.resume();
      done(response.statusCode);
    });
    call.on("error", failed);
    call.end(body);
  });
}

test("pages of other origins cannot start a call", async () => {
  const json = { "content-type": "application/json" };
  expect(await statusOfTurn(json)).toBe(200);
  // A page of another origin may send this content type without a preflight request.
  expect(await statusOfTurn({ "content-type": "text/plain" })).toBe(415);
  // A host name of another site may resolve to this machine.
  expect(await statusOfTurn({ ...json, host: "elsewhere.example" })).toBe(403);
});

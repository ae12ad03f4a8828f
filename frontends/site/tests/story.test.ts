// The main flow in each language and size: log in with a temporary password, set a permanent password, log out.

import { afterAll, describe, expect, test } from "vitest";
import { showNumber } from "../src/app/number";
import { type Language, launch, Reader, type SIZES } from "./lib/browser";
import { digits, line, permanent, telephone } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

const LOOKS: [Language, keyof typeof SIZES][] = [
  ["ja", "desktop"],
  ["ja", "phone"],
  ["en", "desktop"],
  ["en", "phone"],
];

describe.each(LOOKS)("in %s on a %s", (language, size) => {
  /** LOGIN-1, PW-4, PW-1, PW-2, SESS-6: the main flow, with mistakes at each step. */
  test("from a temporary password to a permanent one", async () => {
    const [number] = await line();
    const temporary = await telephone(number);
    const password = permanent();
    const { page, problems, context } = await browser.reader({ language, size });
    const reader = new Reader(page, language);
    const { t } = reader;

    await reader.open("/");
    await reader.heading(t.welcome.heading);
    expect(await page.locator("html").getAttribute("lang")).toBe(language);
    await page.locator("main").getByRole("link", { name: t.welcome.start }).click();
    await reader.heading(t.login.title);

    await reader.button(t.login.submit).click();
    await reader.refused(t.login.numberMissing);
    await reader.type("12", temporary);
    await reader.refused(t.login.numberWrong);
    await reader.type(`${number.slice(0, 2)}-${number.slice(2)}`, temporary);

    await reader.heading(t.password.forcedTitle);
    await reader.sees(t.password.temporary);
    // At the address of any other page that needs a session, the site shows the change of the password first.
    await reader.open("/account");
    await reader.heading(t.password.forcedTitle);
    // A reload keeps the session and its state.
    await page.reload();
    await reader.heading(t.password.forcedTitle);

    await reader.change(temporary, digits(8), undefined, true);
    await reader.refused(t.reasons.PASSWORD_POLICY);
    await reader.change(temporary, password, `${password}x`, true);
    await reader.refused(t.password.againDiffers);
    await reader.change("11112222", password, password, true);
    await reader.refused(t.reasons.PASSWORD_WRONG);
    expect(await reader.field(t.password.next).inputValue()).toBe(password);
    expect(await page.locator(".conditions li.met").count()).toBe(4);
    await page.locator(".strength b").waitFor();
    await reader.field(t.password.currentTemporary).fill(temporary);
    await reader.button(t.password.submit).click();

    await reader.home();
    await reader.sees(t.account.changed);
    await reader.sees(showNumber(number));
    await reader.sees(t.units.LINE.name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(wide, "nothing is wider than the window").toBe(false);

    await reader.button(t.common.logOut).click();
    await reader.heading(t.loggedOut.title);
    await page.goBack();
    await page.waitForTimeout(300);
    expect(await page.getByText(showNumber(number)).count(), "the back button shows no number").toBe(0);
    await reader.logIn(number, password);
    await reader.home();
    expect(page.url()).not.toContain(number);
    expect(problems).toEqual([]);
    await context.close();
  });
});

/** A change of the language keeps the typed content. The browser stores the language. */
test("the language changes while a form is filled in", async () => {
  const { page, context } = await browser.reader();
  const reader = new Reader(page, "ja");
  await reader.open("/login");
  await reader.field(reader.t.login.number).fill("0312345678");
  await reader.button("English").click();
  const english = new Reader(page, "en");
  await english.heading(english.t.login.title);
  expect(await english.field(english.t.login.number).inputValue()).toBe("0312345678");
  await page.reload();
  await english.heading(english.t.login.title);
  expect(await page.title()).toBe(`${english.t.login.title} | Aoba Telephone Telephone settings`);
  await context.close();
});

test("the site sends no request to other hosts", () => {
  expect(browser.foreign).toEqual([]);
});

// SESS-1: the end of a session that is not used. Sessions of the system under test are short. Both languages are tested
// in parallel.

import { afterAll, expect, test } from "vitest";
import { showNumber } from "../src/app/number";
import { launch, Reader } from "./lib/browser";
import { account } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

/** SESS-1: a warning, an extension by the subscriber, and the end. The page's own requests do not extend the session. */
test.concurrent.each(["ja", "en"] as const)(
  "time-out (%s)",
  async (language) => {
    const { number, password } = await account();
    const { page, context, problems } = await browser.reader({ language });
    const reader = new Reader(page, language);
    await reader.logIn(number, password);
    await reader.home();
    await page.getByRole("link", { name: reader.t.account.changePassword }).click();
    const dialog = page.getByRole("dialog", { name: reader.t.warning.title });
    await dialog.waitFor({ timeout: 60_000 });
    expect(await dialog.getByRole("button").evaluate((button) => button === document.activeElement)).toBe(
      true,
    );
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    await reader.heading(reader.t.password.title);
    await dialog.waitFor({ timeout: 60_000 });
    await page.getByRole("heading", { level: 1, name: reader.t.timedOut.title }).waitFor({ timeout: 60_000 });
    expect(await page.getByText(showNumber(number)).count()).toBe(0);
    // The next login leads to the same page.
    await page.getByRole("link", { name: reader.t.loggedOut.again }).click();
    await reader.heading(reader.t.login.title);
    await reader.field(reader.t.login.password).fill(password);
    await reader.button(reader.t.login.submit).click();
    await reader.heading(reader.t.password.title);
    expect(problems).toEqual([]);
    await context.close();
  },
  180_000,
);

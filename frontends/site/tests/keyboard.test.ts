// Every flow by keyboard alone: what has the focus can be seen, and the focus goes to what matters.

import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { type Language, launch, Reader } from "./lib/browser";
import { line, permanent, telephone } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

/** Presses Tab until the element with this name has the focus. */
async function tabTo(page: Page, role: "link" | "button" | "textbox", name: string): Promise<void> {
  const wanted =
    role === "textbox"
      ? page.getByLabel(name, { exact: true })
      : page.getByRole(role, { name, exact: true }).last();
  await wanted.waitFor();
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((element) => element === document.activeElement)) {
      const outline = await wanted.evaluate((element) => getComputedStyle(element).outlineStyle);
      expect(outline, `${name} shows that it has the focus`).not.toBe("none");
      return;
    }
  }
  throw new Error(`${name} cannot be reached`);
}

const headFocused = (page: Page) => page.waitForFunction(() => document.activeElement?.tagName === "H1");

describe.each<Language>(["ja", "en"])("in %s", (language) => {
  test("the whole story", async () => {
    const [number] = await line();
    const temporary = await telephone(number);
    const password = permanent();
    const { page, context } = await browser.reader({ language });
    const reader = new Reader(page, language);
    const { t } = reader;
    const press = (key: string) => page.keyboard.press(key);
    const logIn = async (secret: string) => {
      await tabTo(page, "textbox", t.login.number);
      await press("Control+A");
      await page.keyboard.type(number);
      await tabTo(page, "textbox", t.login.password);
      await page.keyboard.type(secret);
      await press("Enter");
    };

    await reader.open("/");
    await reader.heading(t.welcome.heading);
    await tabTo(page, "link", t.welcome.start);
    await press("Enter");
    await reader.heading(t.login.title);
    await headFocused(page);
    // An empty form: the summary has the focus, its first line leads to the field.
    await tabTo(page, "button", t.login.submit);
    await press("Enter");
    await reader.refused(t.login.numberMissing);
    await tabTo(page, "link", t.login.numberMissing);
    await press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("number");
    await page.keyboard.type(number);
    await tabTo(page, "textbox", t.login.password);
    await page.keyboard.type(temporary);
    // What was typed can be looked at.
    await tabTo(page, "button", t.common.showField(t.login.password));
    await press("Space");
    expect(await reader.field(t.login.password).getAttribute("type")).toBe("text");
    await tabTo(page, "button", t.login.submit);
    await press("Enter");

    await reader.heading(t.password.forcedTitle);
    await tabTo(page, "textbox", t.password.currentTemporary);
    await page.keyboard.type(temporary);
    await tabTo(page, "textbox", t.password.next);
    await page.keyboard.type(password);
    await tabTo(page, "textbox", t.password.again);
    await page.keyboard.type(password);
    await press("Enter");
    await reader.home();

    await tabTo(page, "link", t.account.changePassword);
    await press("Enter");
    await reader.heading(t.password.title);
    await tabTo(page, "link", t.common.back);
    await press("Enter");
    await reader.home();
    await page.keyboard.press("Home");
    await page.reload();
    await reader.home();
    await tabTo(page, "button", t.common.logOut);
    await press("Enter");
    await reader.heading(t.loggedOut.title);
    await tabTo(page, "link", t.loggedOut.again);
    await press("Enter");
    await reader.heading(t.login.title);
    await logIn(password);
    await reader.home();
    await context.close();
  });
});

// Login, change of the password and unit migration with only the keyboard. The focus is always visible, and it moves to
// the important element of a page. Other pages are used with the keyboard in their own tests, such as activity.test.ts.
// Tests that stop services are in outages.test.ts. Tests that wait for the end of a session are in timeout.test.ts.

import { afterAll, describe, expect, test } from "vitest";
import { showNumber } from "../src/app/number";
import { AuthUnit } from "../src/gen/aikagi/units/v1/unit_pb";
import { type Language, launch, Reader } from "./lib/browser";
import { Keys } from "./lib/keys";
import { account, age, established, guess, line, permanent, telephone } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

describe.each<Language>(["ja", "en"])("in %s", (language) => {
  const start = async () => {
    const { page, context } = await browser.reader({ language });
    const reader = new Reader(page, language);
    const keys = new Keys(page);
    const logIn = async (number: string, password: string) => {
      await keys.type(reader.t.login.number, number);
      await keys.type(reader.t.login.password, password);
      await keys.key("Enter");
    };
    return { page, context, reader, keys, t: reader.t, logIn };
  };

  test("first login, change of password, logout and second login", async () => {
    const [number] = await line();
    const temporary = await telephone(number);
    const password = permanent();
    const { page, context, reader, keys, t, logIn } = await start();

    await reader.open("/");
    await reader.heading(t.welcome.heading);
    await keys.press("link", t.welcome.start);
    await reader.heading(t.login.title);
    await keys.atHead();
    // After an empty form is sent, the error summary has the focus, and its first line links to the field.
    await keys.press("button", t.login.submit);
    await reader.refused(t.login.numberMissing);
    await keys.press("link", t.login.numberMissing);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("number");
    await page.keyboard.type(number);
    await keys.type(t.login.password, temporary);
    // The typed password can be shown.
    await keys.to("button", t.common.showField(t.login.password));
    await keys.key("Space");
    expect(await reader.field(t.login.password).getAttribute("type")).toBe("text");
    await keys.press("button", t.login.submit);

    await reader.heading(t.password.forcedTitle);
    await keys.type(t.password.currentTemporary, temporary);
    await keys.type(t.password.next, password);
    await keys.type(t.password.again, password);
    await keys.key("Enter");
    await reader.home();

    await keys.press("link", t.account.changePassword);
    await reader.heading(t.password.title);
    await keys.press("link", t.common.back);
    await reader.home();
    await page.reload();
    await reader.home();
    await keys.press("button", t.common.logOut);
    await reader.heading(t.loggedOut.title);
    await keys.press("link", t.loggedOut.again);
    await reader.heading(t.login.title);
    await logIn(number, password);
    await reader.home();
    await context.close();
  });

  /** LOGIN-2: after a temporary password is killed, the subscriber sets a new one and logs in with it. */
  test("login after a killed password", async () => {
    const [number] = await line();
    const temporary = await telephone(number);
    await guess(number, 2);
    const { context, reader, keys, t, logIn } = await start();
    await reader.open("/login");
    await logIn(number, "87654321");
    await reader.refused(/3.*10/);
    await keys.type(t.login.password, temporary);
    await keys.key("Enter");
    await reader.refused(/3.*10/);
    await keys.press("link", t.login.forgottenLink);
    await reader.heading(t.welcome.heading);
    await keys.atHead();
    const again = await telephone(number);
    await keys.press("link", t.welcome.start);
    await reader.heading(t.login.title);
    await keys.type(t.login.password, again);
    await keys.key("Enter");
    await reader.heading(t.password.forcedTitle);
    await context.close();
  });

  /** PW-3: a subscriber changes an expired password. */
  test("change of an expired password", async () => {
    const { number, password } = await account();
    age(number, 61);
    const { context, reader, keys, t, logIn } = await start();
    await reader.open("/login");
    await logIn(number, password);
    await reader.sees(t.password.expired(60));
    await keys.atHead();
    await keys.type(t.password.current, password);
    await keys.type(t.password.next, password);
    await keys.type(t.password.again, password);
    await keys.key("Enter");
    await reader.refused(t.reasons.PASSWORD_REUSED);
    const next = permanent();
    await keys.type(t.password.next, next);
    await keys.type(t.password.again, next);
    await keys.press("button", t.password.submit);
    await reader.sees(t.account.changed);
    await context.close();
  });

  /** MIG-2, MIG-5: the first try of a unit migration has a wrong password, and the second one succeeds. */
  test("a unit migration", async () => {
    const { numbers, passwords } = await established(AuthUnit.NUMBER);
    const [contract, first] = numbers as [string, string];
    const { page, context, reader, keys, t, logIn } = await start();
    const passwordOf = (number: string) => t.unit.passwordOf(showNumber(number));
    await reader.open("/login");
    await logIn(contract, passwords[contract] ?? "");
    await reader.home();
    await keys.press("link", t.account.changeUnit);
    await reader.heading(t.unit.title);
    await keys.atHead();
    await keys.press("button", t.unit.preview);
    await reader.refused(t.unit.chooseMissing);
    await keys.press("link", t.unit.chooseMissing);
    await keys.key("Space");
    await keys.key("ArrowDown");
    expect(await page.getByRole("radio", { name: t.units.ADMIN_USER.name }).isChecked()).toBe(true);
    await keys.key("Enter");
    await reader.heading(t.unit.checkTitle);
    await keys.atHead();
    await keys.press("link", t.unit.reselect);
    await reader.heading(t.unit.title);
    await keys.press("button", t.unit.preview);
    await reader.heading(t.unit.checkTitle);
    await keys.type(passwordOf(contract), passwords[contract] ?? "");
    await keys.type(passwordOf(first), "Wrong12345");
    await keys.key("Enter");
    await reader.refused(t.unit.passwordWrong(showNumber(first)));
    await keys.press("link", t.unit.passwordWrong(showNumber(first)));
    await keys.key("Control+A");
    await page.keyboard.type(passwords[first] ?? "");
    await keys.press("button", t.unit.submit);
    await reader.heading(t.unit.doneTitle);
    await keys.atHead();
    await keys.press("link", t.common.logIn);
    await reader.heading(t.login.title);
    await keys.type(t.login.password, passwords[contract] ?? "");
    await keys.key("Enter");
    await reader.home();
    await context.close();
  });
});

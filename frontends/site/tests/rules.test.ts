// Rules that a reader sees on the site: refusals, lockout, expiry, two windows, sessions that end elsewhere.

import { afterAll, describe, expect, test } from "vitest";
import { type Language, launch, Reader, watch } from "./lib/browser";
import { account, age, changeElsewhere, guess, line, permanent, settle, telephone } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

describe.each<Language>(["ja", "en"])("in %s", (language) => {
  const start = async () => {
    const opened = await browser.reader({ language, size: language === "ja" ? "phone" : "desktop" });
    return { ...opened, reader: new Reader(opened.page, language) };
  };
  const refusal = language === "ja" ? "ログインできませんでした" : "The login was refused";

  /** LOGIN-2, LOGIN-5: three wrong attempts kill a temporary password. A new one, set by telephone, works. */
  test("lockout and recovery", async () => {
    const [number] = await line();
    const temporary = await telephone(number);
    await guess(number, 2);
    const { reader, context, page } = await start();
    await reader.logIn(number, "87654321");
    await reader.refused(new RegExp(refusal));
    // The message has the limits and the next step, and the typed number is still there.
    await reader.refused(/3.*10/);
    expect(await reader.field(reader.t.login.number).inputValue()).toBe(number);
    await reader.type(number, temporary);
    await reader.refused(new RegExp(refusal));

    await page.getByRole("link", { name: reader.t.login.forgottenLink }).click();
    await reader.heading(reader.t.welcome.heading);
    await reader.logIn(number, await telephone(number));
    await reader.heading(reader.t.password.forcedTitle);
    await context.close();
  });

  /** SESS-6: after the login the site shows the wrong attempts since the last one. */
  test("wrong attempts are shown after the login", async () => {
    const { number, password } = await account();
    await guess(number, 2);
    const { reader, context } = await start();
    await reader.logIn(number, password);
    await reader.sees(reader.t.account.wrongNotice(2));
    await context.close();
  });

  /** PW-3, SESS-6: an expired password must be changed, and the page says why. One that expires soon has a notice. */
  test("expiry", async () => {
    const { number, password } = await account();
    // The time is in the middle of a day, because the server's clock is known only to the second.
    age(number, 55.5);
    const { reader, context } = await start();
    await reader.logIn(number, password);
    await reader.sees(reader.t.account.expiryNotice(4));
    age(number, 61);
    await reader.button(reader.t.common.logOut).click();
    await reader.heading(reader.t.loggedOut.title);
    await reader.logIn(number, password);
    await reader.heading(reader.t.password.forcedTitle);
    await reader.sees(reader.t.password.expired(60));
    const next = permanent();
    await reader.change(password, password);
    await reader.refused(reader.t.reasons.PASSWORD_REUSED);
    await reader.change(password, next);
    await reader.sees(reader.t.account.changed);
    await context.close();
  });

  /** PW-6: the strength is shown while a password is typed. This system refuses common passwords. */
  test("strength and common passwords", async () => {
    const [number] = await line();
    const temporary = await telephone(number);
    const { reader, context, page } = await start();
    const { password: words } = reader.t;
    await reader.logIn(number, temporary);
    await reader.heading(words.forcedTitle);
    const strength = page.locator(".strength b");
    for (const [typed, told] of [
      ["password1", words.strengths[0]],
      ["vR7wq2Zt9Lk", words.strengths[4]],
    ]) {
      await reader.field(words.next).fill(typed ?? "");
      await strength.getByText(told ?? "", { exact: true }).waitFor();
    }
    const condition = page.locator(".conditions li", { hasText: words.rule.COMMON({ min: 8, max: 12 }) });
    await condition.getByText(words.checkedLater, { exact: true }).waitFor();
    await reader.change(temporary, "PassWord1", "PassWord1", true);
    await reader.refused(words.tooCommon);
    await condition.getByText(words.unmet, { exact: true }).waitFor();
    await reader.change(temporary, "vR7wq2Zt9Lk", "vR7wq2Zt9Lk", true);
    await reader.sees(reader.t.account.changed);
    await context.close();
  });

  /** SESS-5: one window does not overwrite the change of another. What was typed in it stays. */
  test("two windows", async () => {
    const { number, password } = await account();
    const { reader, context, page, problems } = await start();
    await reader.logIn(number, password);
    await reader.home();
    await reader.open("/password");
    await reader.heading(reader.t.password.title);
    const second = await context.newPage();
    watch(second, problems);
    const other = new Reader(second, language);
    await other.open("/password");
    await other.heading(reader.t.password.title);
    const next = permanent();
    await other.change(password, next);
    await other.sees(reader.t.account.changed);

    const typed = permanent();
    await page.bringToFront();
    await reader.change(next, typed);
    // Whether or not the window has updated itself, the reader sees a message.
    const stale = page.getByText(reader.t.reasons.STALE_VIEW);
    const done = page.getByText(reader.t.account.changed);
    await stale.or(done).first().waitFor();
    if (await stale.isVisible()) {
      expect(await reader.field(reader.t.password.next).inputValue()).toBe(typed);
      await reader.button(reader.t.password.submit).click();
      await reader.sees(reader.t.account.changed);
    }
    expect(problems).toEqual([]);
    await context.close();
  });

  /** SESS-2: a session ends when the password is changed elsewhere. After login the reader returns to the same page. */
  test("changed elsewhere", async () => {
    const { number, password } = await account();
    const { reader, context, page } = await start();
    await reader.logIn(number, password);
    await reader.home();
    await page.getByRole("link", { name: reader.t.account.changePassword }).click();
    await reader.heading(reader.t.password.title);
    const next = await changeElsewhere(number, password);
    await reader.change(password, permanent());
    await reader.heading(reader.t.timedOut.title);
    await page.getByRole("link", { name: reader.t.loggedOut.again }).click();
    await reader.heading(reader.t.login.title);
    expect(await reader.field(reader.t.login.number).inputValue()).toBe(number);
    await reader.field(reader.t.login.password).fill(next);
    await reader.button(reader.t.login.submit).click();
    await reader.heading(reader.t.password.title);
    await context.close();
  });

  /** IVR-10: a call retires the password and the session with it. */
  test("retired by telephone", async () => {
    const { number, password } = await account();
    const { reader, context, page } = await start();
    await reader.logIn(number, password);
    await reader.home();
    const temporary = await telephone(number);
    await page.reload();
    await reader.heading(reader.t.timedOut.title);
    await reader.logIn(number, temporary);
    await reader.heading(reader.t.password.forcedTitle);
    await context.close();
  });
});

/** SESS-1: a logout in one window ends the session in the other, which shows that. */
test("logging out in another window", async () => {
  const [number] = await line();
  const password = await settle(number, await telephone(number));
  const { page, context } = await browser.reader();
  const reader = new Reader(page);
  await reader.logIn(number, password);
  await reader.home();
  const second = new Reader(await context.newPage());
  await second.open("/account");
  await second.home();
  await second.button(second.t.common.logOut).click();
  await second.heading(second.t.loggedOut.title);
  await reader.heading(reader.t.timedOut.title);
  await context.close();
});

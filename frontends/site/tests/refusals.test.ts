// A change of the auth unit that does not go through: what the reader is told, what is kept, and the way on.

import { afterAll, describe, expect, test } from "vitest";
import { showNumber } from "../src/app/number";
import { AuthUnit } from "../src/gen/aikagi/units/v1/unit_pb";
import { type Language, launch, Reader } from "./lib/browser";
import { focused } from "./lib/keys";
import { loseAnswers } from "./lib/lost";
import { age, changeElsewhere, established, guess, line, settle, telephone } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

const WRONG = "Wrong12345";
const MIGRATE = /SubscriberService\/Migrate$/;

describe.each<Language>(["ja", "en"])("in %s", (language) => {
  const start = async () => {
    const opened = await browser.reader({ language, size: language === "ja" ? "phone" : "desktop" });
    return { ...opened, reader: new Reader(opened.page, language) };
  };

  /** A line by number, its second account logged in and about to change to the unit of the line. */
  const about = async () => {
    const { numbers, passwords } = await established(AuthUnit.NUMBER);
    const [contract, first] = numbers as [string, string];
    const secrets = { contract: passwords[contract] ?? "", first: passwords[first] ?? "" };
    const opened = await start();
    await opened.reader.logIn(first, secrets.first);
    await opened.reader.home();
    await opened.page.getByRole("link", { name: opened.reader.t.account.changeUnit }).click();
    await opened.reader.plan("LINE");
    return { ...opened, contract, first, secrets };
  };

  /** MIG-5: a password left out, then a wrong one: each field says so itself, and the others keep what was typed. */
  test("left out and wrong", async () => {
    const { reader, page, context, contract, first, secrets } = await about();
    const { t } = reader;
    const [wrong, right] = [reader.passwordOf(contract), reader.passwordOf(first)];
    await right.fill(secrets.first);
    await reader.button(t.unit.submit).click();
    await reader.refused(t.unit.passwordMissing(showNumber(contract)));
    await page.getByRole("link", { name: t.unit.passwordMissing(showNumber(contract)) }).click();
    expect(await focused(wrong)).toBe(true);
    await wrong.fill(WRONG);
    await reader.button(t.unit.submit).click();
    await reader.refused(t.unit.passwordWrong(showNumber(contract)));
    expect(await wrong.getAttribute("aria-invalid")).toBe("true");
    expect(await right.getAttribute("aria-invalid")).toBeNull();
    expect([await wrong.inputValue(), await right.inputValue()]).toEqual([WRONG, secrets.first]);
    await wrong.fill(secrets.contract);
    expect(await wrong.getAttribute("aria-invalid")).toBeNull();
    await reader.button(t.unit.submit).click();
    await reader.heading(t.unit.doneTitle);
    // Reloaded, the page has nothing to show any more: the reader logs in.
    await page.reload();
    await reader.heading(t.login.title);
    await context.close();
  });

  /** MIG-5, LOGIN-2, SESS-2: the last attempt kills the password and ends the session; afterwards it is not ready. */
  test("the last attempt", async () => {
    const { reader, page, context, contract, first, secrets } = await about();
    const { t } = reader;
    await guess(contract, 9);
    await reader.passwordOf(contract).fill(WRONG);
    await reader.passwordOf(first).fill(secrets.first);
    await reader.button(t.unit.submit).click();
    await reader.refused(t.unit.passwordDead(showNumber(contract)));
    await reader.refused(t.unit.over);
    await page.getByRole("alert").getByRole("link", { name: t.loggedOut.again }).click();
    await reader.heading(t.login.title);
    await reader.type(first, secrets.first);
    await reader.home();
    await page.getByRole("link", { name: t.account.changeUnit }).click();
    await reader.plan("LINE");
    await reader.sees(t.unit.unreadyText);
    await context.close();
  });

  /** MIG-5: accounts without a password are named with the advice to telephone; then the change goes on from here. */
  test("not ready", async () => {
    const [contract, first] = (await line(1)) as [string, string];
    const password = await settle(contract, await telephone(contract, AuthUnit.NUMBER, contract));
    const { reader, page, context } = await start();
    const { t } = reader;
    await reader.logIn(contract, password);
    await reader.home();
    await reader.open("/unit");
    await reader.plan("ADMIN_USER");
    await reader.sees(t.unit.unreadyText);
    const unready = page.getByRole("region", { name: t.unit.unready });
    await unready.getByText(showNumber(first)).waitFor();
    expect(await unready.getByText(showNumber(contract)).count()).toBe(0);
    expect(await page.locator("input[type=password]").count()).toBe(0);
    await reader.button(t.unit.lookAgain).click();
    await reader.sees(t.unit.stillUnready);
    const other = await settle(first, await telephone(contract, AuthUnit.NUMBER, first));
    await context.setOffline(true);
    await reader.button(t.unit.lookAgain).click();
    await unready.getByText(t.reasons.OFFLINE).waitFor();
    await context.setOffline(false);
    await reader.button(t.unit.lookAgain).click();
    await reader.passwordOf(first).waitFor();
    await expect.poll(() => focused(reader.passwordOf(contract))).toBe(true);
    await reader.passwordOf(first).fill(other);
    await reader.passwordOf(contract).fill(password);
    // It is lost again before the change is sent.
    await telephone(contract, AuthUnit.NUMBER, first);
    await reader.button(t.unit.submit).click();
    await reader.refused(t.reasons.STALE_VIEW);
    await unready.getByText(showNumber(first)).waitFor();
    await context.close();
  });

  /** SESS-5: what was decided on a stale view is not done; the reader looks again, and what was typed is still there. */
  test("a stale view", async () => {
    const { reader, context, contract, first, secrets } = await about();
    const { t } = reader;
    const next = await changeElsewhere(contract, secrets.contract);
    await reader.passwordOf(contract).fill(next);
    await reader.passwordOf(first).fill(secrets.first);
    await reader.button(t.unit.submit).click();
    await reader.refused(t.reasons.STALE_VIEW);
    expect(await reader.passwordOf(contract).inputValue()).toBe(next);
    await reader.button(t.unit.submit).click();
    await reader.heading(t.unit.doneTitle);
    await context.close();
  });

  /** MIG-7: a must-change session does not come here, whether its password is temporary or expired. */
  test("must-change sessions", async () => {
    const [number] = await line();
    const temporary = await telephone(number);
    const { reader, context } = await start();
    const { t } = reader;
    await reader.logIn(number, temporary);
    await reader.heading(t.password.forcedTitle);
    for (const path of ["/unit", "/unit/check"]) {
      await reader.open(path);
      await reader.heading(t.password.forcedTitle);
    }
    const password = await settle(number, temporary);
    age(number, 61);
    await reader.logIn(number, password);
    await reader.sees(t.password.expired(60));
    await reader.open("/unit");
    await reader.sees(t.password.expired(60));
    await context.close();
  });

  /** SESS-1: the way back keeps what was chosen and typed; a reload in the middle forgets the passwords, and only them. */
  test("back, forth and reloaded", async () => {
    const { reader, page, context, first, secrets } = await about();
    const { t } = reader;
    await reader.passwordOf(first).fill(secrets.first);
    await page.goBack();
    await reader.heading(t.unit.title);
    const chosen = page.getByRole("radio", { name: t.units.LINE.name });
    expect(await chosen.isChecked()).toBe(true);
    await page.goForward();
    await reader.heading(t.unit.checkTitle);
    expect(await reader.passwordOf(first).inputValue()).toBe(secrets.first);
    await page.reload();
    await reader.heading(t.unit.title);
    await reader.plan("LINE");
    expect(await reader.passwordOf(first).inputValue()).toBe("");
    await context.close();
  });

  /** SESS-2, SESS-5: one window changes the unit, the other is told that its session is over. */
  test("two windows", async () => {
    const { reader, page, context, contract, first, secrets } = await about();
    const { t } = reader;
    const other = new Reader(await context.newPage(), language);
    await other.open("/unit");
    await other.plan("ADMIN_USER");
    await other.passwordOf(contract).fill(secrets.contract);
    await other.passwordOf(first).fill(secrets.first);
    await other.button(t.unit.submit).click();
    await other.heading(t.unit.doneTitle);
    await page.bringToFront();
    await reader.heading(t.timedOut.title);
    await context.close();
  });

  /** MIG-4: when an answer is lost the reader is told whether it was done, as far as that can be known. */
  test("a lost answer", async () => {
    const { reader, page, context, contract, first, secrets } = await about();
    const { t } = reader;
    await page.route(MIGRATE, (route) => route.abort());
    await reader.passwordOf(contract).fill(secrets.contract);
    await reader.passwordOf(first).fill(secrets.first);
    await reader.button(t.unit.submit).click();
    await reader.refused(t.unit.notDone);
    expect(await reader.passwordOf(first).inputValue()).toBe(secrets.first);
    await page.unroute(MIGRATE);
    await loseAnswers(page, MIGRATE);
    await reader.button(t.unit.submit).click();
    await reader.refused(t.unit.perhaps);
    await page.getByRole("alert").getByRole("link", { name: t.loggedOut.again }).click();
    await reader.heading(t.login.title);
    await reader.type(contract, secrets.first);
    await reader.home();
    await reader.sees(t.units.LINE.name);
    await context.close();
  });
});

// Refused unit migrations: the error that the page shows, the content that it keeps, and the next step that it offers.

import { afterAll, describe, expect, test } from "vitest";
import { showNumber } from "../src/app/number";
import { AuthUnit } from "../src/gen/aikagi/units/v1/unit_pb";
import { type Language, launch, Reader } from "./lib/browser";
import { focused } from "./lib/keys";
import { loseResponses } from "./lib/lost_responses";
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

  /** Adds a line of unit NUMBER. Logs in with its second account, and opens the preview of a change to LINE. */
  const startMigration = async () => {
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

  /** MIG-5: a missing password, then a wrong one. Its field shows the error, and all fields keep their content. */
  test("a missing and a wrong password", async () => {
    const { reader, page, context, contract, first, secrets } = await startMigration();
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
    // After a reload there is no session, so the site shows the login page.
    await page.reload();
    await reader.heading(t.login.title);
    await context.close();
  });

  /**
   * MIG-5, LOGIN-2, SESS-2: the last attempt kills the password and ends the session. After the next login the account
   * is listed as not ready.
   */
  test("a wrong password at the last attempt", async () => {
    const { reader, page, context, contract, first, secrets } = await startMigration();
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

  /** MIG-5: accounts without a permanent password are listed. After the password is set, the migration continues. */
  test("accounts that are not ready", async () => {
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
    // A call retires the account's password before the change is sent.
    await telephone(contract, AuthUnit.NUMBER, first);
    await reader.button(t.unit.submit).click();
    await reader.refused(t.reasons.STALE_VIEW);
    await unready.getByText(showNumber(first)).waitFor();
    await context.close();
  });

  /** SESS-5: a change on an old revision is refused. The page gets the present state and keeps the typed passwords. */
  test("a change on an old revision", async () => {
    const { reader, context, contract, first, secrets } = await startMigration();
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

  /** MIG-7: a must-change session cannot open the pages of a unit migration. Its password is temporary or expired. */
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

  /** SESS-1: the back button keeps the chosen unit and the typed passwords. A reload deletes the passwords. */
  test("back button, forward button and reload", async () => {
    const { reader, page, context, first, secrets } = await startMigration();
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

  /** SESS-2, SESS-5: after one window has changed the unit, the other window shows that its session has ended. */
  test("a unit migration in another window", async () => {
    const { reader, page, context, contract, first, secrets } = await startMigration();
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

  /** MIG-4: after a lost response the page says whether the change was made, if that can be known. */
  test("a lost response", async () => {
    const { reader, page, context, contract, first, secrets } = await startMigration();
    const { t } = reader;
    await page.route(MIGRATE, (route) => route.abort());
    await reader.passwordOf(contract).fill(secrets.contract);
    await reader.passwordOf(first).fill(secrets.first);
    await reader.button(t.unit.submit).click();
    await reader.refused(t.unit.notDone);
    expect(await reader.passwordOf(first).inputValue()).toBe(secrets.first);
    await page.unroute(MIGRATE);
    await loseResponses(page, MIGRATE);
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

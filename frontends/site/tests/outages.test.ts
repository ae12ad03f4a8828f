// Outages of the system and of the network. Typed content stays in the fields. These tests stop services, so they do
// not run in parallel with other tests.

import { afterAll, expect, test } from "vitest";
import { AuthUnit } from "../src/gen/aikagi/units/v1/unit_pb";
import { launch, Reader } from "./lib/browser";
import { Keys } from "./lib/keys";
import { loseResponses } from "./lib/lost_responses";
import { account, established, permanent, stop, stopStarted } from "./lib/system";

const browser = await launch();
afterAll(async () => {
  await browser.close();
  stopStarted();
});

test.each(["ja", "en"] as const)("edge restart before a password change (%s)", async (language) => {
  const { number, password } = await account();
  const { page, context } = await browser.reader({ language });
  const reader = new Reader(page, language);
  const { t } = reader;
  await reader.logIn(number, password);
  await reader.home();
  await page.getByRole("link", { name: t.account.changePassword }).click();
  await reader.heading(t.password.title);

  const start = await stop("edge");
  const next = permanent();
  await reader.change(password, next);
  await reader.refused(t.reasons.UNREACHABLE);
  await reader.sees(t.common.kept);
  expect(await reader.field(t.password.next).inputValue()).toBe(next);
  await start();
  await reader.button(t.password.submit).click();
  await reader.sees(t.account.changed);
  await context.close();
});

test.each(["ja", "en"] as const)("offline during a login (%s)", async (language) => {
  const { number, password } = await account();
  const { page, context } = await browser.reader({ language, size: "phone" });
  const reader = new Reader(page, language);
  const { t } = reader;
  await reader.open("/login");
  await reader.heading(t.login.title);
  await context.setOffline(true);
  await reader.sees(t.offline.now);
  await reader.type(number, password);
  await reader.refused(t.reasons.OFFLINE);
  await context.setOffline(false);
  await reader.sees(t.offline.again);
  await reader.button(t.login.submit).click();
  await reader.home();
  await context.close();
});

test.each(["ja", "en"] as const)("authentication is unavailable (%s)", async (language) => {
  const { number, password } = await account();
  const { page, context } = await browser.reader({ language });
  const reader = new Reader(page, language);
  const { t } = reader;
  await reader.logIn(number, password);
  await reader.home();
  const start = await stop("authentication");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: t.unavailable.title }).waitFor({ timeout: 60_000 });
  await start();
  await reader.button(t.common.tryAgain).click();
  await page.getByRole("heading", { level: 2, name: t.account.who }).waitFor({ timeout: 60_000 });
  await context.close();
});

/** MIG-4: the passwords that were typed for a unit migration stay in the page while the edge restarts. */
test.each(["ja", "en"] as const)("the edge restarts before a unit migration (%s)", async (language) => {
  const { numbers, passwords } = await established(AuthUnit.NUMBER);
  const { page, context } = await browser.reader({ language });
  const reader = new Reader(page, language);
  const { t } = reader;
  await reader.logIn(numbers[0], passwords[numbers[0]] ?? "");
  await reader.home();
  await reader.open("/unit");
  await reader.plan("LINE");
  for (const number of numbers) {
    await reader.passwordOf(number).fill(passwords[number] ?? "");
  }
  const start = await stop("edge");
  await reader.button(t.unit.submit).click();
  await reader.refused(t.reasons.UNREACHABLE);
  await reader.sees(t.common.kept);
  await start();
  await reader.button(t.unit.submit).click();
  await reader.heading(t.unit.doneTitle);
  await context.close();
});

test.each(["ja", "en"] as const)("outages with only the keyboard (%s)", async (language) => {
  const { number, password } = await account();
  const { page, context } = await browser.reader({ language });
  const reader = new Reader(page, language);
  const keys = new Keys(page);
  const { t } = reader;
  await reader.open("/login");
  await reader.heading(t.login.title);
  await context.setOffline(true);
  await keys.type(t.login.number, number);
  await keys.type(t.login.password, password);
  await keys.key("Enter");
  await reader.refused(t.reasons.OFFLINE);
  await context.setOffline(false);
  await keys.press("button", t.login.submit);
  await reader.home();
  const start = await stop("authentication");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: t.unavailable.title }).waitFor({ timeout: 60_000 });
  await start();
  await keys.press("button", t.common.tryAgain);
  await page.getByRole("heading", { level: 2, name: t.account.who }).waitFor({ timeout: 60_000 });
  await context.close();
});

test("after a lost response the page says whether the change was made", async () => {
  const { number, password } = await account();
  const { page, context } = await browser.reader();
  const reader = new Reader(page);
  const { t } = reader;
  await reader.logIn(number, password);
  await reader.home();
  await reader.open("/password");
  await reader.heading(t.password.title);
  const CHANGE = /SubscriberService\/ChangePassword$/;

  // The server did not receive the request, so the session's revision is the same.
  await page.route(CHANGE, (route) => route.abort());
  const next = permanent();
  await reader.change(password, next);
  await reader.sees(t.password.notDone);
  await page.unroute(CHANGE);

  // The server received the request, and its response was lost. The browser keeps the old cookie.
  await loseResponses(page, CHANGE);
  await reader.button(t.password.submit).click();
  await reader.sees(t.password.perhaps);
  await page.getByRole("alert").getByRole("link", { name: t.loggedOut.again }).click();
  await reader.heading(t.login.title);
  await reader.type(number, next);
  await reader.home();
  await context.close();
});

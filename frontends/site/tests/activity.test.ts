// SESS-7, SESS-8, SITE-10: the page of the account's sessions and last events.

import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { showNumber } from "../src/app/number";
import { AuthUnit } from "../src/gen/aikagi/units/v1/unit_pb";
import { problemsOf } from "./lib/axe";
import { ACTIVITY, type Language, launch, Reader, type SIZES } from "./lib/browser";
import { Keys } from "./lib/keys";
import { account, established, guess, isLive, line, openElsewhere, telephone } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

const LOOKS: [Language, keyof typeof SIZES][] = [
  ["ja", "phone"],
  ["ja", "desktop"],
  ["en", "phone"],
  ["en", "desktop"],
];

const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const EVENTS = /SubscriberService\/ListOwnEvents$/;
const SESSIONS = /SubscriberService\/ListOwnSessions$/;

/** The texts of the list with this heading. */
function entries(page: Page, heading: string): Promise<string[]> {
  return page.getByRole("region", { name: heading }).getByRole("listitem").allInnerTexts();
}

/** Waits until the element with this text has the focus. */
async function focusOn(page: Page, text: string): Promise<void> {
  await page.waitForFunction((wanted) => document.activeElement?.textContent === wanted, text);
}

describe.each(LOOKS)("in %s on a %s", (language, size) => {
  const words = ACTIVITY[language];
  const start = async (agent?: string) => {
    const opened = await browser.reader({ language, size, ...(agent && { agent }) });
    return { ...opened, reader: new Reader(opened.page, language), keys: new Keys(opened.page) };
  };
  const open = async (number: string, password: string) => {
    const opened = await start();
    await opened.reader.logIn(number, password);
    await opened.reader.home();
    await opened.reader.open("/activity");
    await opened.reader.heading(words.title);
    return opened;
  };

  /** SESS-7: the page shows each device with its class, and ends the session of one, by keyboard. */
  test("a subscriber ends the session of another device", async () => {
    const { number, password } = await account();
    const phone = await start(IPHONE);
    await phone.reader.logIn(number, password);
    await phone.reader.home();
    const { page, context, reader, keys, problems } = await start();
    await reader.logIn(number, password);
    await reader.home();
    await keys.press("link", reader.t.account.activity);
    await reader.heading(words.title);
    await keys.atHead();
    expect(await problemsOf(page)).toEqual([]);
    const { device } = words.sessions;
    const shown = await entries(page, words.sessions.title);
    expect(shown[0]).toContain(words.sessions.current(device.DESKTOP));
    expect(shown.filter((text) => text.includes(device.PHONE)).length).toBe(1);

    const end = page.getByRole("button", { name: device.PHONE });
    await keys.press("button", (await end.getAttribute("aria-label")) ?? "");
    await reader.sees(words.sessions.ended);
    await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "status");
    expect(await end.count()).toBe(0);
    await phone.page.reload();
    await phone.reader.heading(phone.reader.t.timedOut.title);
    expect((await entries(page, words.events.title))[0]).toContain(words.events.kind.SESSION_ENDED);
    expect(await problemsOf(page)).toEqual([]);
    expect(problems).toEqual([]);
    await context.close();
    await phone.context.close();
  });

  /** SESS-7, SITE-10: the page asks before it ends all other sessions. Escape and the button to cancel change nothing. */
  test("a subscriber confirms the end of all other sessions", async () => {
    const { number, password } = await account();
    const tokens = [await openElsewhere(number, password), await openElsewhere(number, password)];
    const { page, context, reader, keys, problems } = await open(number, password);
    const dialog = page.getByRole("dialog", { name: words.sessions.confirm.title });
    await keys.to("button", words.sessions.endAll);
    for (const key of ["Escape", "Enter"]) {
      await keys.key("Enter");
      await dialog.waitFor();
      expect(await problemsOf(page)).toEqual([]);
      await keys.key(key);
      await dialog.waitFor({ state: "hidden" });
      // The focus returns to the button.
      await focusOn(page, words.sessions.endAll);
      expect(await Promise.all(tokens.map(isLive))).toEqual([true, true]);
    }
    await keys.key("Enter");
    await dialog.waitFor();
    await keys.key("Shift+Tab");
    await focusOn(page, words.sessions.confirm.yes);
    await keys.key("Enter");
    await reader.sees(words.sessions.allEnded);
    await reader.sees(words.sessions.alone);
    expect(await Promise.all(tokens.map(isLive))).toEqual([false, false]);
    expect((await entries(page, words.sessions.title)).length).toBe(1);
    expect((await entries(page, words.events.title))[0]).toContain(words.events.kind.OTHER_SESSIONS_ENDED);
    expect(problems).toEqual([]);
    await context.close();
  });

  /** SESS-8: the page shows the events of the account. An administrator also sees those of the users, with their numbers. */
  test("the page shows the last events", async () => {
    const { numbers, passwords } = await established(AuthUnit.ADMIN_USER);
    const [contract, user] = numbers as [string, string];
    await guess(user, 1);
    const { page, context, problems } = await open(contract, passwords[contract] ?? "");
    const [login, refused] = await entries(page, words.events.title);
    expect(login).toContain(words.events.kind.LOGIN);
    expect(login).toContain(showNumber(contract));
    expect(refused).toContain(words.events.kind.LOGIN_REFUSED);
    expect(refused).toContain(showNumber(user));
    await context.close();

    const own = await open(user, passwords[user] ?? "");
    const shown = await entries(own.page, words.events.title);
    expect(shown.join(" ")).not.toContain(showNumber(contract));
    // The temporary password was set from the contract number.
    expect(shown.at(-1)).toContain(words.events.caller(contract.slice(-4)));
    const wide = await own.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(wide, "nothing is wider than the window").toBe(false);
    expect([...problems, ...own.problems]).toEqual([]);
    await own.context.close();
  });

  /** SITE-10: if one list cannot be read, the page shows the other one, and the subscriber can try again. */
  test("a list that cannot be read is read again", async () => {
    const { number, password } = await account();
    const { page, context, reader, keys } = await start();
    await reader.logIn(number, password);
    await reader.home();
    for (const [rpc, missing, other] of [
      [EVENTS, words.events.title, words.sessions.title],
      [SESSIONS, words.sessions.title, words.events.title],
    ] as const) {
      await page.route(rpc, (route) => route.abort());
      await reader.open("/activity");
      await reader.heading(words.title);
      await page.getByRole("alert").waitFor();
      expect((await entries(page, missing)).length).toBe(0);
      expect((await entries(page, other)).length).toBeGreaterThan(0);
      expect(await problemsOf(page)).toEqual([]);
      await page.unroute(rpc);
      await keys.press("button", reader.t.common.tryAgain);
      await page.getByRole("alert").waitFor({ state: "detached" });
      expect((await entries(page, missing)).length).toBeGreaterThan(0);
    }
    await context.close();
  });

  /** SESS-7, SESS-8, PW-4: a must-change session is led to the change of the password. */
  test("a must-change session sees neither", async () => {
    const [number] = await line();
    const { context, reader } = await start();
    await reader.logIn(number, await telephone(number));
    await reader.heading(reader.t.password.forcedTitle);
    await reader.open("/activity");
    await reader.heading(reader.t.password.forcedTitle);
    await context.close();
  });
});

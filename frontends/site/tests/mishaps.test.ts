// Unusual conditions in browsers: blocked cookies, wrong clocks, addresses with extra slashes, password managers
// without events, two accounts.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { showNumber } from "../src/app/number";
import { GetSessionResponseSchema } from "../src/gen/aikagi/edge/v1/subscriber_service_pb";
import { type Language, launch, Reader, withoutCookies } from "./lib/browser";
import { account, permanent, SITE } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

const RPC = /SubscriberService\//;
const LOGIN = /SubscriberService\/Login$/;
const SESSION = /SubscriberService\/GetSession$/;
const AHEAD = 20 * 60_000;

/** Counts the requests to an address from now on. The returned function gives the count. */
function count(page: Page, address: RegExp): () => number {
  let requests = 0;
  page.on("request", (request) => {
    requests += address.test(request.url()) ? 1 : 0;
  });
  return () => requests;
}

describe.each<Language>(["ja", "en"])("in %s", (language) => {
  const start = async () => {
    const opened = await browser.reader({ language });
    return { ...opened, reader: new Reader(opened.page, language) };
  };

  /** SITE-8: if the browser blocks cookies, the site says so. It does not say that a session has ended. */
  test("a browser that blocks cookies", async () => {
    const { number, password } = await account();
    const { page, close } = await withoutCookies();
    const reader = new Reader(page, language);
    await reader.open("/login");
    if (language === "en") {
      await page.getByRole("button", { name: "English", exact: true }).click();
    }
    await reader.type(number, password);
    await reader.refused(reader.t.reasons.COOKIES_BLOCKED);
    await close();
  });

  /** SITE-5: the site does not send a password with a character that no password contains. The error names the kind. */
  test("a password with a character that no password contains", async () => {
    const { number, password } = await account();
    const { reader, page, context } = await start();
    const { stray } = reader.t.common;
    await reader.open("/login");
    const logins = count(page, LOGIN);
    for (const [typed, hint] of [
      [`${password} `, stray.space],
      [password.replace("K", "Ｋ"), stray.wide],
      [`${password}!`, stray.symbol],
    ] as const) {
      await reader.type(number, typed);
      await reader.refused(hint);
    }
    expect(logins()).toBe(0);
    await reader.type(number, password);
    await reader.home();
    await reader.open("/password");
    await reader.heading(reader.t.password.title);
    await reader.change(`${password} `, permanent());
    await reader.refused(stray.space);
    await context.close();
  });

  /** SITE-5: a password manager may cause only the event `change`, or no event. */
  test("a password manager without input events", async () => {
    const { number, password } = await account();
    const { reader, context } = await start();
    await reader.open("/login");
    const fill = async (label: string, text: string, event?: string) =>
      reader.field(label).evaluate(
        (element, [value, name]) => {
          (element as HTMLInputElement).value = value ?? "";
          if (name) {
            element.dispatchEvent(new Event(name, { bubbles: true }));
          }
        },
        [text, event] as const,
      );
    await reader.heading(reader.t.login.title);
    await fill(reader.t.login.number, number, "change");
    await fill(reader.t.login.password, password);
    await reader.button(reader.t.login.submit).click();
    await reader.home();
    await context.close();
  });

  /**
   * SITE-7, SESS-5: after another account has logged in, a page of the first account changes nothing. This is also true
   * if the windows cannot notify each other.
   */
  test.each([true, false])("two accounts in two windows (notified: %s)", async (notified) => {
    const [first, second] = [await account(), await account()];
    const { reader, page, context } = await start();
    if (!notified) {
      await context.addInitScript(() => Object.assign(window, { BroadcastChannel: undefined }));
    }
    const other = new Reader(await context.newPage(), language);
    await other.open("/login");
    await other.heading(other.t.login.title);
    await reader.logIn(first.number, first.password);
    await reader.home();
    await reader.open("/password");
    await reader.heading(reader.t.password.title);
    await page.locator("form").getByText(showNumber(first.number)).waitFor();
    const next = permanent();
    await reader.field(reader.t.password.current).fill(first.password);
    await reader.field(reader.t.password.next).fill(next);
    await reader.field(reader.t.password.again).fill(next);

    await other.type(second.number, second.password);
    await other.home();
    if (!notified) {
      await reader.button(reader.t.password.submit).click();
    }
    await reader.heading(reader.t.another.title);
    expect(await page.locator("input").count()).toBe(0);
    await reader.button(reader.t.another.go(showNumber(second.number))).click();
    await reader.home();
    await reader.sees(showNumber(second.number));
    // Both passwords still work, and no attempt was counted for either of them.
    await reader.button(reader.t.common.logOut).click();
    await reader.heading(reader.t.loggedOut.title);
    for (const { number, password } of [second, first]) {
      await reader.logIn(number, password);
      await reader.home();
      expect(await page.getByText(reader.t.account.wrongNotice(1)).count()).toBe(0);
      await reader.button(reader.t.common.logOut).click();
      await reader.heading(reader.t.loggedOut.title);
    }
    await context.close();
  });
});

/** SITE-6: if the edge's clock is 20 minutes ahead, the session does not end and the page sends few requests. */
test("an edge whose clock is ahead", async () => {
  const { number, password } = await account();
  const { page, context } = await browser.reader();
  const reader = new Reader(page);
  await reader.logIn(number, password);
  await reader.home();
  await page.route(RPC, async (route) => {
    const response = await route.fetch();
    const date = new Date(Date.now() + AHEAD).toUTCString();
    await route.fulfill({ response, headers: { ...response.headers(), date } });
  });
  const calls = count(page, RPC);
  await reader.open("/account");
  await reader.home();
  await page.waitForTimeout(10_000);
  expect(calls()).toBeLessThan(6);
  expect(await page.getByRole("dialog").count()).toBe(0);
  await context.close();
});

/**
 * SITE-6: if the server returns a live session whose end is in the past, the page makes pauses between its requests.
 */
test("a session whose end is in the past", async () => {
  const { number, password } = await account();
  const { page, context } = await browser.reader();
  const reader = new Reader(page);
  await reader.logIn(number, password);
  await reader.home();
  await page.route(SESSION, async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    const length = body.readUInt32BE(1);
    const message = fromBinary(GetSessionResponseSchema, body.subarray(5, 5 + length));
    if (message.session) {
      message.session.idleExpireTime = timestampFromMs(Date.now() - AHEAD);
    }
    const changed = Buffer.from(toBinary(GetSessionResponseSchema, message));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(changed.length, 1);
    await route.fulfill({ response, body: Buffer.concat([head, changed, body.subarray(5 + length)]) });
  });
  const calls = count(page, SESSION);
  await reader.open("/account");
  await page.getByRole("dialog").waitFor();
  await page.waitForTimeout(10_000);
  expect(calls()).toBeLessThan(6);
  await context.close();
});

/**
 * SITE-8: addresses with extra slashes lead to their page. Password managers find the page that changes the password.
 */
test("addresses with extra slashes, and the address for password managers", async () => {
  const { number, password } = await account();
  const { page, context, problems } = await browser.reader();
  const reader = new Reader(page);
  for (const path of ["//login", "/login/", "///login//"]) {
    await page.goto(SITE + path);
    await reader.heading(reader.t.login.title);
    expect(page.url()).toBe(`${SITE}/login`);
  }
  await reader.type(number, password);
  await reader.home();
  await page.goto(`${SITE}/.well-known/change-password`);
  await reader.heading(reader.t.password.title);
  expect(page.url()).toBe(`${SITE}/password`);
  expect(problems).toEqual([]);
  await context.close();
});

/** UNIT-3: the site accepts the same separators as the services. */
test("a number with other separators", async () => {
  const { number, password } = await account();
  const { page, context } = await browser.reader();
  const reader = new Reader(page);
  await reader.logIn(`${number.slice(0, 3)}\u2015${number.slice(3, 6)}\u2500${number.slice(6)}`, password);
  await reader.home();
  await context.close();
});

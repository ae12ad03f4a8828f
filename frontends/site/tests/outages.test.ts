// What a reader meets when the system or the way to it is away: nothing that was typed is lost. Runs alone.

import { afterAll, expect, test } from "vitest";
import { launch, Reader } from "./lib/browser";
import { account, permanent, stop, stopOurs } from "./lib/system";

const browser = await launch();
afterAll(async () => {
  await browser.close();
  stopOurs();
});

test.each(["ja", "en"] as const)("the gateway restarts in the middle (%s)", async (language) => {
  const { number, password } = await account();
  const { page, context } = await browser.reader({ language });
  const reader = new Reader(page, language);
  const { t } = reader;
  await reader.logIn(number, password);
  await reader.home();
  await page.getByRole("link", { name: t.account.changePassword }).click();
  await reader.heading(t.password.title);

  const start = await stop("gateway");
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

test.each(["ja", "en"] as const)("offline in the middle (%s)", async (language) => {
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

test.each(["ja", "en"] as const)("authentication is away (%s)", async (language) => {
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

test("an answer is lost on its way: the reader is told whether the change was made", async () => {
  const { number, password } = await account();
  const { page, context } = await browser.reader();
  const reader = new Reader(page);
  const { t } = reader;
  await reader.logIn(number, password);
  await reader.home();
  await reader.open("/password");
  await reader.heading(t.password.title);
  const CHANGE = /SubscriberService\/ChangePassword$/;

  // It never arrived: the revision is as it was.
  await page.route(CHANGE, (route) => route.abort());
  const next = permanent();
  await reader.change(password, next);
  await reader.sees(t.password.notDone);
  await page.unroute(CHANGE);

  // It arrived, its answer did not. The browser keeps the old cookie.
  await page.route(CHANGE, async (route) => {
    const { origin, ...headers } = await route.request().allHeaders();
    const cookies = await context.cookies();
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    await fetchElsewhere(
      route.request().url(),
      { ...headers, origin: origin ?? "", cookie },
      route.request().postDataBuffer(),
    );
    await route.abort();
  });
  await reader.button(t.password.submit).click();
  await reader.sees(t.password.perhaps);
  await page.getByRole("alert").getByRole("link", { name: t.loggedOut.again }).click();
  await reader.heading(t.login.title);
  await reader.type(number, next);
  await reader.home();
  await context.close();
});

/** Sends a call as the browser would, outside of it. */
async function fetchElsewhere(
  url: string,
  headers: Record<string, string>,
  body: Buffer | null,
): Promise<void> {
  const { request } = await import("node:https");
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(":")));
  await new Promise<void>((done, failed) => {
    const call = request(url, { method: "POST", headers: kept, rejectUnauthorized: false }, (answer) => {
      answer.resume();
      answer.on("end", done);
    });
    call.on("error", failed);
    call.end(body ?? undefined);
  });
}

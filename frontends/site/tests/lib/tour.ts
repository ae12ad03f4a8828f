// Opens all pages of the site in turn, for the accessibility check and the screenshots.

import type { Page } from "playwright-core";
import { showNumber } from "../../src/app/number";
import { AuthUnit } from "../../src/gen/aikagi/units/v1/unit_pb";
import { ACTIVITY, type Language, Reader } from "./browser";
import { line, permanent, SITE, settle, telephone } from "./system";

const SESSION = /SubscriberService\/GetSession$/;

/** Opens each page, and calls `stop` with its name. */
export async function tour(
  page: Page,
  language: Language,
  stop: (name: string) => Promise<void>,
): Promise<void> {
  const reader = new Reader(page, language);
  const { t } = reader;
  const [number, first, second] = (await line(2)) as [string, string, string];

  await reader.open("/");
  await reader.heading(t.welcome.heading);
  await stop("welcome");
  await reader.open("/help");
  await reader.heading(t.help.title);
  await stop("help");
  await reader.open("/nowhere");
  await reader.heading(t.notFound.title);
  await stop("not-found");
  await reader.open("/account");
  await reader.sees(t.login.needed);
  await reader.heading(t.login.title);
  await stop("login");
  await reader.button(t.login.submit).click();
  await reader.refused(t.login.numberMissing);
  await stop("login-refused");

  const temporary = await telephone(number, AuthUnit.NUMBER, number);
  const other = await settle(first, await telephone(first, AuthUnit.NUMBER, first));
  await reader.logIn(number, temporary);
  await reader.heading(t.password.forcedTitle);
  await stop("forced-change");
  const password = permanent();
  await reader.field(t.password.currentTemporary).fill(temporary);
  await reader.field(t.password.next).fill("tanaka01");
  await page.locator(".strength b").waitFor();
  await reader.field(t.password.again).fill("tanaka02");
  await reader.button(t.password.submit).click();
  await reader.refused(t.password.againDiffers);
  await stop("forced-change-refused");
  await reader.change(temporary, password, password, true);
  await reader.home();
  await stop("home");

  await reader.open("/activity");
  await reader.heading(ACTIVITY[language].title);
  await stop("activity");

  await reader.open("/password");
  await reader.heading(t.password.title);
  await stop("change-password");

  await reader.open("/unit");
  await reader.heading(t.unit.title);
  await page.getByRole("radio", { name: t.units.ADMIN_USER.name }).check();
  await stop("unit");
  await reader.plan("ADMIN_USER");
  await reader.sees(t.unit.unreadyText);
  await stop("unit-unready");
  const third = await settle(second, await telephone(second, AuthUnit.NUMBER, second));
  await reader.button(t.unit.lookAgain).click();
  await reader.passwordOf(number).fill(password);
  await reader.passwordOf(first).fill(other);
  await stop("unit-check");
  await reader.passwordOf(second).fill("Wrong12345");
  await reader.button(t.unit.submit).click();
  await reader.refused(t.unit.passwordWrong(showNumber(second)));
  await stop("unit-refused");
  await reader.passwordOf(second).fill(third);
  await reader.button(t.unit.submit).click();
  await reader.heading(t.unit.doneTitle);
  await stop("unit-changed");
  await reader.logIn(number, password);
  await reader.home();

  await page.context().setOffline(true);
  await reader.sees(t.offline.now);
  await stop("offline");
  await page.context().setOffline(false);

  await page.route(SESSION, (route) => route.abort());
  await reader.open("/account");
  await reader.heading(t.unavailable.title);
  await stop("unavailable");
  await page.unroute(SESSION);
  await page.route(SESSION, (route) =>
    route.fulfill({
      status: 200,
      headers: { "content-type": "application/grpc-web+proto", "grpc-status": "8" },
    }),
  );
  await reader.open("/account");
  await reader.heading(t.overloaded.title);
  await stop("overloaded");
  await page.unroute(SESSION);

  await reader.open("/account");
  await reader.home();
  await page.clock.install();
  await page.clock.fastForward("00:32");
  await page.getByRole("dialog").waitFor();
  await stop("warning");
  await reader.button(t.warning.stay).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });

  await page.goto(`${SITE}/timed-out`);
  await reader.heading(t.timedOut.title);
  await stop("timed-out");
  await reader.open("/account");
  await reader.home();
  await reader.button(t.common.logOut).click();
  await reader.heading(t.loggedOut.title);
  await stop("logged-out");
}

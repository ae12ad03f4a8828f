// SITE-9: the menu of the services on the home page.

import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { showNumber } from "../src/app/number";
import { AuthUnit } from "../src/gen/aikagi/units/v1/unit_pb";
import { problemsOf } from "./lib/axe";
import { type Language, launch, Reader, type SIZES } from "./lib/browser";
import { Keys } from "./lib/keys";
import { established } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

/** The services of the demo's profile that have a link for each number, by the paths of their pages. */
const SERVICES = {
  ja: {
    "voice-warp": "ボイスワープ",
    "arrival-mail": "着信お知らせメール",
    "fax-mail": "FAXお知らせメール",
  },
  en: { "voice-warp": "Voice warp", "arrival-mail": "Arrival mail", "fax-mail": "Fax mail" },
};
const ONE_LINK = { ja: "通知先メールアドレスの登録", en: "Mail addresses for notices" };
const BACK_ENDS = "https://localhost:9443";

const LOOKS: [Language, keyof typeof SIZES][] = [
  ["ja", "phone"],
  ["en", "desktop"],
];

/** The addresses of the menu's links for numbers. */
async function addresses(page: Page): Promise<(string | null)[]> {
  const links = await page.locator("a.number").all();
  return Promise.all(links.map((link) => link.getAttribute("href")));
}

describe.each(LOOKS)("in %s on a %s", (language, size) => {
  const logIn = async (number: string, password: string) => {
    const opened = await browser.reader({ language, size });
    const reader = new Reader(opened.page, language);
    await reader.logIn(number, password);
    await reader.home();
    await reader.sees(reader.t.account.servicesLead);
    return { ...opened, reader };
  };
  const paths = Object.keys(SERVICES[language]);
  const expected = (numbers: string[]) =>
    paths.flatMap((path) => numbers.map((number) => `${BACK_ENDS}/services/${path}?number=${number}`));

  /**
   * SITE-9: a service whose address contains `{number}` has a link for each number in scope. Another service has one
   * link. The keyboard reaches the links for numbers.
   */
  test("the menu shows each service with the numbers in scope", async () => {
    const { numbers, passwords } = await established(AuthUnit.ADMIN_USER);
    const [contract, additional] = numbers as [string, string];
    const { reader, page, context, problems } = await logIn(contract, passwords[contract] ?? "");
    const { account } = reader.t;
    expect((await addresses(page)).sort()).toEqual(expected(numbers).sort());
    for (const name of Object.values(SERVICES[language])) {
      await page.getByRole("heading", { level: 3, name }).waitFor();
    }
    const one = page.getByRole("link", { name: ONE_LINK[language], exact: true });
    expect(await one.getAttribute("href")).toBe("https://settings.example.jp/mail-addresses");

    // The link for a number opens the operator's own page for this number.
    await page.route(`${BACK_ENDS}/**`, (route) => route.fulfill({ contentType: "text/html", body: "ok" }));
    const name = SERVICES[language]["fax-mail"];
    await new Keys(page).press("link", account.serviceOf(name, showNumber(additional)));
    await page.waitForURL(`${BACK_ENDS}/services/fax-mail?number=${additional}`);
    expect(problems).toEqual([]);
    await context.close();
  });

  /** SITE-9, UNIT-1: a user sees only the links for the own number. */
  test("a user sees only the own number", async () => {
    const { numbers, passwords } = await established(AuthUnit.ADMIN_USER);
    const additional = numbers[1] ?? "";
    const { page, context } = await logIn(additional, passwords[additional] ?? "");
    expect((await addresses(page)).sort()).toEqual(expected([additional]).sort());
    await context.close();
  });

  /** SITE-9: the menu of a line with many numbers stays short until the subscriber opens a list. */
  test("many numbers are in lists that open", async () => {
    const { numbers, passwords } = await established(AuthUnit.LINE, 14);
    const { reader, page, context, problems } = await logIn(numbers[0], passwords[numbers[0]] ?? "");
    const list = page.getByText(reader.t.account.serviceNumbers(numbers.length)).first();
    const link = page.getByRole("link", {
      name: reader.t.account.serviceOf(SERVICES[language]["voice-warp"], showNumber(numbers[7] ?? "")),
    });
    expect(await link.count()).toBe(0);
    await list.focus();
    await page.keyboard.press("Enter");
    await link.waitFor();
    expect(await problemsOf(page)).toEqual([]);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(wide, "nothing is wider than the window").toBe(false);
    expect(problems).toEqual([]);
    await context.close();
  });

  /**
   * SITE-9, SITE-4: before the login there is no number. So the help page only names a service that has a link for each
   * number. It links to any other service.
   */
  test("the help page names the services", async () => {
    const { page, context } = await browser.reader({ language, size });
    const reader = new Reader(page, language);
    await reader.open("/help");
    await reader.heading(reader.t.help.title);
    for (const name of Object.values(SERVICES[language])) {
      await reader.sees(name);
      expect(await page.getByRole("link", { name }).count()).toBe(0);
    }
    await page.getByRole("link", { name: ONE_LINK[language], exact: true }).waitFor();
    await context.close();
  });
});

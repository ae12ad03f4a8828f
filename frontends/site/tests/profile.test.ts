// The information that the site shows before the first attempt: the operator's profile, the figures and the help page.

import { afterAll, describe, expect, test } from "vitest";
import { AuthUnit } from "../src/gen/aikagi/units/v1/unit_pb";
import { type Language, launch, Reader } from "./lib/browser";
import { Keys } from "./lib/keys";
import { established, SECOND_SITE, SITE } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

/** The policy of the system under test. The site's code must not contain these figures. */
const POLICY = {
  min: 8,
  max: 12,
  refusesDigitsOnly: true,
  refusesCommon: true,
  days: 60,
  temporaryAttempts: 3,
  permanentAttempts: 10,
  temporaryHours: 24,
  invalidEntries: 3,
};
const FIGURES = /SubscriberService\/Get(Policy|Profile)$/;

const OPERATORS = {
  ja: {
    first: "あおば電話",
    document: "お申込み内容のご案内",
    second: "みなみ通信",
    other: "開通のお知らせ",
  },
  en: {
    first: "Aoba Telephone",
    document: "Details of your application",
    second: "Minami Communications",
    other: "Notice of opening",
  },
};

describe.each<Language>(["ja", "en"])("in %s", (language) => {
  const start = async () => {
    const opened = await browser.reader({ language, size: language === "ja" ? "phone" : "desktop" });
    return { ...opened, reader: new Reader(opened.page, language) };
  };
  const names = OPERATORS[language];

  /** SITE-3, LOGIN-2, LOGIN-3, IVR-7, IVR-9: the limits of wrong attempts are shown before the first attempt. */
  test("the login page says which number to type and how many wrong attempts kill a password", async () => {
    const { reader, page, context } = await start();
    const { login, units } = reader.t;
    await reader.open("/login");
    await reader.sees(login.limits(POLICY));
    await reader.sees(login.temporaryEnds(POLICY));
    for (const unit of ["LINE", "NUMBER", "ADMIN_USER"] as const) {
      await reader.sees(units[unit].name);
      await reader.sees(login.whichOf[unit]);
    }
    await reader.sees(login.document(names.document));
    expect(await page.getByRole("link", { name: "0120-000-111" }).getAttribute("href")).toBe(
      "tel:0120000111",
    );
    await reader.sees(reader.t.settingNumber.charged);
    await context.close();
  });

  /** SITE-3, MIG-5: the page of a unit migration shows the same limits. */
  test("the unit migration says how many wrong attempts kill a password", async () => {
    const { numbers, passwords } = await established(AuthUnit.NUMBER);
    const { reader, context } = await start();
    await reader.logIn(numbers[0], passwords[numbers[0]] ?? "");
    await reader.home();
    await reader.open("/unit");
    await reader.plan("LINE");
    await reader.sees(reader.t.login.limits(POLICY));
    await context.close();
  });

  /** SITE-2: if the site cannot get the figures from the services, it works and shows no figures. */
  test("the site's code contains no figures", async () => {
    const { reader, page, context } = await start();
    await page.route(FIGURES, (route) => route.abort());
    await reader.open("/login");
    await reader.heading(reader.t.login.title);
    const text = (await page.locator("body").textContent()) ?? "";
    expect(text).not.toMatch(/24|10|0120/);
    await context.close();
  });

  /** SITE-4: the help page, opened with the keyboard from the login page. Every page links to it. */
  test("the help page", async () => {
    const { reader, page, context, problems } = await start();
    const { help, common } = reader.t;
    await reader.open("/login");
    await reader.heading(reader.t.login.title);
    const keys = new Keys(page);
    await keys.press("link", help.title);
    await reader.heading(help.title);
    await keys.atHead();
    for (const text of [
      help.environments.text,
      help.environments.needs,
      help.encryption.text,
      help.windows.text,
      help.logout.automatic,
      help.logout.close,
      help.passwords.choose,
    ]) {
      await reader.sees(text);
    }
    for (const title of [help.charges.title, help.contact, help.services]) {
      await page.getByRole("heading", { level: 2, name: title }).waitFor();
    }
    for (const path of ["/", "/logged-out", "/timed-out", "/nowhere"]) {
      await reader.open(path);
      await page.locator("footer").getByRole("link", { name: help.title }).waitFor();
    }
    expect(common.back).not.toBe("");
    expect(problems).toEqual([]);
    await context.close();
  });

  /** SITE-1: the same site shows the profile of another operator. It shows nothing for a part that is not set. */
  test("the profile of another operator", async () => {
    const { reader, page, context } = await start();
    await page.goto(`${SITE}/help`);
    await reader.heading(reader.t.help.title);
    await page.locator("header").getByText(names.first).waitFor();
    await page.goto(`${SECOND_SITE}/login`);
    await reader.heading(reader.t.login.title);
    await page.locator("header").getByText(names.second).waitFor();
    await reader.sees(reader.t.login.document(names.other));
    await reader.sees(reader.t.settingNumber.free);
    expect(await page.title()).toContain(names.second);
    await page.goto(`${SECOND_SITE}/help`);
    await reader.heading(reader.t.help.title);
    for (const title of [reader.t.help.charges.title, reader.t.help.contact, reader.t.help.services]) {
      expect(await page.getByRole("heading", { name: title }).count(), title).toBe(0);
    }
    expect((await page.locator("body").textContent()) ?? "").not.toContain(names.first);
    await context.close();
  });
});

/** SITE-4: without JavaScript, the top of the page says that the site needs it. */
test("a browser without JavaScript", async () => {
  const { page, context } = await browser.reader({ scripts: false, size: "phone" });
  await page.goto(`${SITE}/login`);
  for (const text of [/JavaScript を有効に/, /turn on JavaScript/]) {
    const box = await page.getByText(text).boundingBox();
    expect(box?.y ?? 1000).toBeLessThan(300);
  }
  await context.close();
});

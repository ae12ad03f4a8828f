// The four unit migrations that the site offers (section 6 of the specification), in each language and size.

import { afterAll, describe, expect, test } from "vitest";
import { showNumber } from "../src/app/number";
import { AuthUnit } from "../src/gen/aikagi/units/v1/unit_pb";
import { type Language, launch, Reader, type SIZES } from "./lib/browser";
import { established } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

const LOOKS: [Language, keyof typeof SIZES][] = [
  ["ja", "desktop"],
  ["ja", "phone"],
  ["en", "desktop"],
  ["en", "phone"],
];

type Unit = "LINE" | "NUMBER" | "ADMIN_USER";
type Role = keyof Reader["t"]["roles"];

describe.each(LOOKS)("in %s on a %s", (language, size) => {
  const start = async () => {
    const opened = await browser.reader({ language, size });
    return { ...opened, reader: new Reader(opened.page, language) };
  };

  /** Changes the unit, and logs in again with the password `own`. The site must list exactly `logins`. */
  const migrate = async (
    reader: Reader,
    to: Unit,
    passwords: Record<string, string>,
    own: string,
    logins: [string, Role][],
  ) => {
    const { page, t } = reader;
    await page.getByRole("link", { name: t.account.changeUnit }).click();
    await reader.heading(t.unit.title);
    await reader.button(t.unit.preview).click();
    await reader.refused(t.unit.chooseMissing);
    await reader.plan(to);
    const listed = page.locator(".logins > li");
    const seesLogins = async () => {
      expect(await listed.count()).toBe(logins.length);
      for (const [number, role] of logins) {
        const item = listed.filter({ has: page.locator("b", { hasText: showNumber(number) }) });
        await item.getByText(t.roles[role], { exact: true }).waitFor();
      }
    };
    await seesLogins();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(wide, "nothing is wider than the window").toBe(false);
    expect(await page.locator("input[type=password]").count()).toBe(Object.keys(passwords).length);
    for (const [number, password] of Object.entries(passwords)) {
      await reader.passwordOf(number).fill(password);
    }
    await reader.button(t.unit.submit).click();
    await reader.heading(t.unit.doneTitle);
    await seesLogins();
    await page.locator("main").getByRole("link", { name: t.common.logIn }).click();
    await reader.heading(t.login.title);
    // The login form already contains the number.
    const known = await reader.field(t.login.number).inputValue();
    expect(logins.map(([number]) => showNumber(number))).toContain(known);
    await reader.field(t.login.password).fill(own);
    await reader.button(t.login.submit).click();
    await reader.home();
    await page.locator(".facts dd").getByText(t.units[to].name).waitFor();
  };

  /** MIG-1 to MIG-3, MIG-6: NUMBER to LINE, LINE to NUMBER, NUMBER to ADMIN_USER. ADMIN_USER offers no migration. */
  test("from NUMBER to LINE and back, then to ADMIN_USER", async () => {
    const { numbers, passwords } = await established(AuthUnit.NUMBER);
    const [contract, first] = numbers as [string, string];
    const own = passwords[first] ?? "";
    const { page, context, problems, reader } = await start();
    const { t } = reader;
    await reader.logIn(first, own);
    await reader.home();
    await migrate(reader, "LINE", passwords, own, [[contract, "LINE"]]);
    await migrate(reader, "NUMBER", { [contract]: own }, own, [
      [contract, "NUMBER"],
      [first, "NUMBER"],
    ]);
    await migrate(reader, "ADMIN_USER", { [contract]: own, [first]: own }, own, [
      [contract, "ADMINISTRATOR"],
      [first, "USER"],
    ]);
    // After the migrations, the other account has the same password.
    await reader.button(t.common.logOut).click();
    await reader.heading(t.loggedOut.title);
    await reader.logIn(first, own);
    await reader.home();
    await reader.sees(t.roles.USER);
    expect(await page.getByRole("link", { name: t.account.changeUnit }).count()).toBe(0);
    await reader.open("/unit");
    await reader.sees(t.account.unitFixed);
    expect(problems).toEqual([]);
    await context.close();
  });

  /** MIG-1 to MIG-3, MIG-6: LINE to ADMIN_USER. The address, the history and the storage contain no typed content. */
  test("from LINE to ADMIN_USER", async () => {
    const { numbers, passwords } = await established(AuthUnit.LINE, 2);
    const [contract, first, second] = numbers as [string, string, string];
    const own = passwords[contract] ?? "";
    const { page, context, problems, reader } = await start();
    await reader.logIn(contract, own);
    await reader.home();
    await migrate(reader, "ADMIN_USER", passwords, own, [
      [contract, "ADMINISTRATOR"],
      [first, "USER"],
      [second, "USER"],
    ]);
    const kept = await page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state, location.href]),
    );
    for (const secret of [own, ...numbers]) {
      expect(kept).not.toContain(secret);
    }
    expect(problems).toEqual([]);
    await context.close();
  });
});

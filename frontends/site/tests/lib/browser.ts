// Starts Debian's Chromium. Each `Reader` acts as one subscriber, in a new browser context.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";
import { showNumber } from "../../src/app/number";
import { en as activityEn } from "../../src/texts/activity/en";
import { type ActivityTexts, ja as activityJa } from "../../src/texts/activity/ja";
import { en } from "../../src/texts/en";
import { ja, type Texts } from "../../src/texts/ja";
import { SITE } from "./system";

/** A language of the site. */
export type Language = "ja" | "en";

/** The texts that the tests expect on the pages. */
export const TEXTS: Record<Language, Texts> = { ja, en };

/** The texts of the page of sessions and events. */
export const ACTIVITY: Record<Language, ActivityTexts> = { ja: activityJa, en: activityEn };

/** The sizes of windows, in CSS pixels. */
export const SIZES = { phone: { width: 320, height: 640 }, desktop: { width: 1280, height: 860 } } as const;

/** The settings of a reader's browser: language, window size and colours. */
export interface Look {
  language?: Language;
  size?: keyof typeof SIZES;
  scheme?: "light" | "dark";
  /** False for a browser without JavaScript. */
  scripts?: boolean;
  /** The `User-Agent` of another browser. */
  agent?: string;
}

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser that blocks cookies, with one page. */
export async function withoutCookies() {
  const profile = await mkdtemp(join(tmpdir(), "site-browser-"));
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  mkdirSync(join(profile, "Default"));
  writeFileSync(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    env: { ...process.env, HOME: profile },
    ignoreHTTPSErrors: true,
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { page: context.pages()[0] ?? (await context.newPage()), close };
}

/** Starts a browser for one test file. `foreign` collects the requests to other hosts than the site. */
export async function launch() {
  const profile = await mkdtemp(join(tmpdir(), "site-browser-"));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    env: { ...process.env, HOME: profile },
  });
  const foreign: string[] = [];

  /** Opens a window with a separate browser context. `problems` collects the errors of the page. */
  const reader = async (
    look: Look = {},
  ): Promise<{ context: BrowserContext; page: Page; problems: string[] }> => {
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: SIZES[look.size ?? "desktop"],
      colorScheme: look.scheme ?? "light",
      reducedMotion: "reduce",
      javaScriptEnabled: look.scripts ?? true,
      ...(look.agent && { userAgent: look.agent }),
    });
    if (look.language === "en") {
      await context.addInitScript(() => localStorage.setItem("language", "en"));
    }
    const problems: string[] = [];
    const page = await context.newPage();
    watch(page, problems);
    context.on("request", (request) => {
      if (!request.url().startsWith(SITE)) {
        foreign.push(request.url());
      }
    });
    return { context, page, problems };
  };
  const close = async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { reader, close, foreign };
}

/** Collects errors of scripts and of the browser, including violations of the content security policy. */
export function watch(page: Page, problems: string[]): void {
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource|net::ERR/.test(message.text())) {
      problems.push(message.text());
    }
  });
}

/** Acts as a subscriber on the site, in one language. */
export class Reader {
  readonly t: Texts;

  constructor(
    readonly page: Page,
    language: Language = "ja",
  ) {
    this.t = TEXTS[language];
  }

  async open(path: string): Promise<void> {
    await this.page.goto(SITE + path);
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  async heading(text: string | RegExp): Promise<void> {
    await this.page.getByRole("heading", { level: 1, name: text }).waitFor();
  }

  async sees(text: string): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  async logIn(number: string, password: string): Promise<void> {
    await this.open("/login");
    await this.type(number, password);
  }

  async type(number: string, password: string): Promise<void> {
    await this.field(this.t.login.number).fill(number);
    await this.field(this.t.login.password).fill(password);
    await this.button(this.t.login.submit).click();
  }

  async change(current: string, next: string, again = next, temporary = false): Promise<void> {
    const { password } = this.t;
    await this.field(temporary ? password.currentTemporary : password.current).fill(current);
    await this.field(password.next).fill(next);
    await this.field(password.again).fill(again);
    await this.button(password.submit).click();
  }

  /** Checks that the error summary is shown, contains this text and has the focus. */
  async refused(text: string | RegExp): Promise<void> {
    const summary = this.page.getByRole("alert");
    await summary.getByText(text).first().waitFor();
    expect(await summary.evaluate((element) => element === document.activeElement)).toBe(true);
  }

  /** Chooses a unit and opens the preview of the unit migration. */
  async plan(unit: "LINE" | "NUMBER" | "ADMIN_USER"): Promise<void> {
    await this.heading(this.t.unit.title);
    await this.page.getByRole("radio", { name: this.t.units[unit].name }).check();
    await this.button(this.t.unit.preview).click();
    await this.heading(this.t.unit.checkTitle);
  }

  /** Finds the password field of a number on the second page of a unit migration. */
  passwordOf(number: string): Locator {
    return this.field(this.t.unit.passwordOf(showNumber(number)));
  }

  async home(): Promise<void> {
    await this.page.getByRole("heading", { level: 2, name: this.t.account.who }).waitFor();
  }
}

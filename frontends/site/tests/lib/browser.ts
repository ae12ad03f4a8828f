// Debian's Chromium, with a new context for each reader.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";
import { showNumber } from "../../src/app/number";
import { en } from "../../src/texts/en";
import { ja, type Texts } from "../../src/texts/ja";
import { SITE } from "./system";

/** A language of the site. */
export type Language = "ja" | "en";

/** The texts to look for. */
export const TEXTS: Record<Language, Texts> = { ja, en };

/** Sizes of windows. */
export const SIZES = { phone: { width: 320, height: 640 }, desktop: { width: 1280, height: 860 } } as const;

/** The view of a reader: language, window size, colours. */
export interface Look {
  language?: Language;
  size?: keyof typeof SIZES;
  scheme?: "light" | "dark";
  /** False for a browser without JavaScript. */
  scripts?: boolean;
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

/** A browser that blocks cookies, with one page. */
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

/** A browser for one test file. */
export async function launch() {
  const profile = await mkdtemp(join(tmpdir(), "site-browser-"));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    env: { ...process.env, HOME: profile },
  });
  const foreign: string[] = [];

  /** A reader with a separate window. `problems` collects everything that goes wrong in the page. */
  const reader = async (
    look: Look = {},
  ): Promise<{ context: BrowserContext; page: Page; problems: string[] }> => {
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: SIZES[look.size ?? "desktop"],
      colorScheme: look.scheme ?? "light",
      reducedMotion: "reduce",
      javaScriptEnabled: look.scripts ?? true,
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

/** Collects errors of scripts and of the browser, including violations of the policy. */
export function watch(page: Page, problems: string[]): void {
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource|net::ERR/.test(message.text())) {
      problems.push(message.text());
    }
  });
}

/** The actions of a reader on the site, in one language. */
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

  /** The error summary is shown, has the focus and contains this text. */
  async refused(text: string | RegExp): Promise<void> {
    const summary = this.page.getByRole("alert");
    await summary.getByText(text).first().waitFor();
    expect(await summary.evaluate((element) => element === document.activeElement)).toBe(true);
  }

  /** Chooses a unit and opens the preview of the change. */
  async plan(unit: "LINE" | "NUMBER" | "ADMIN_USER"): Promise<void> {
    await this.heading(this.t.unit.title);
    await this.page.getByRole("radio", { name: this.t.units[unit].name }).check();
    await this.button(this.t.unit.preview).click();
    await this.heading(this.t.unit.checkTitle);
  }

  /** The password field of a number on the page for changing the unit. */
  passwordOf(number: string): Locator {
    return this.field(this.t.unit.passwordOf(showNumber(number)));
  }

  async home(): Promise<void> {
    await this.page.getByRole("heading", { level: 2, name: this.t.account.who }).waitFor();
  }
}

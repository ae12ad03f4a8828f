// The size and the speed of the login page on a slow mobile network, and layout shifts while pages load.

import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { AuthUnit } from "../src/gen/aikagi/units/v1/unit_pb";
import { ACTIVITY, launch, Reader, SIZES } from "./lib/browser";
import { established } from "./lib/system";

const browser = await launch();
afterAll(browser.close);

/** "Slow 3G" of the browsers' developer tools. Throughput is in bytes per second, latency in milliseconds. */
const SLOW = { offline: false, downloadThroughput: 50_000, uploadThroughput: 50_000, latency: 400 };

async function slowly(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.emulateNetworkConditions", SLOW);
}

/** Measures layout shifts from the start of each page. The returned function gives their sum. */
async function watchShifts(page: Page): Promise<() => Promise<number>> {
  await page.addInitScript(() => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number })[]) {
        sum += entry.value;
      }
    }).observe({ type: "layout-shift", buffered: true });
    Object.assign(window, { shifted: () => sum });
  });
  return () => page.evaluate(() => (window as unknown as { shifted: () => number }).shifted());
}

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])("on a slow %s", (size) => {
  test("the login page loads fast and small", async () => {
    const { page, context } = await browser.reader({ size });
    await slowly(page);
    let bytes = 0;
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.enable");
    devtools.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    const begun = performance.now();
    const reader = new Reader(page);
    await reader.open("/login");
    await reader.heading(reader.t.login.title);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes, "bytes on the network, with headers").toBeLessThan(90_000);
    await context.close();
  });

  test("the layout does not shift while a page loads", async () => {
    const { numbers, passwords } = await established(AuthUnit.NUMBER);
    const { page, context } = await browser.reader({ size });
    const shifted = await watchShifts(page);
    const reader = new Reader(page);
    const { t } = reader;
    await reader.logIn(numbers[0], passwords[numbers[0]] ?? "");
    await reader.home();
    await slowly(page);
    for (const [path, heading] of [
      ["/", t.welcome.heading],
      ["/account", numbers[0].slice(-4)],
      ["/password", t.password.title],
      ["/unit", t.unit.title],
      ["/activity", ACTIVITY.ja.title],
    ] as const) {
      await reader.open(path);
      await reader.heading(new RegExp(heading));
      await page.waitForLoadState("networkidle");
      expect(await shifted(), path).toBeLessThan(0.02);
    }
    await context.close();
  });
});

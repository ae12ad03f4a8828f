// Delivers RPCs to the server, but loses their responses.

import { request } from "node:https";
import type { Page } from "playwright-core";

/**
 * From now on the server receives requests to this address, but the browser does not receive the responses. Therefore
 * the browser keeps its old cookie.
 */
export async function loseResponses(page: Page, address: RegExp): Promise<void> {
  await page.route(address, async (route) => {
    const { origin, ...headers } = await route.request().allHeaders();
    const cookies = await page.context().cookies();
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    await send(
      route.request().url(),
      { ...headers, origin: origin ?? "", cookie },
      route.request().postDataBuffer(),
    );
    await route.abort();
  });
}

/** Sends the browser's request from this process, and ignores the response. */
async function send(url: string, headers: Record<string, string>, body: Buffer | null): Promise<void> {
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(":")));
  await new Promise<void>((done, failed) => {
    const call = request(url, { method: "POST", headers: kept, rejectUnauthorized: false }, (response) => {
      response.resume();
      response.on("end", done);
    });
    call.on("error", failed);
    call.end(body ?? undefined);
  });
}

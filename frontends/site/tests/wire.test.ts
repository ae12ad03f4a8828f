// HTTP security: the headers, the flags of the cookie, and attacks by pages of other origins.

import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, Reader } from "./lib/browser";
import { account, localhostTls, SITE } from "./lib/system";

const browser = await launch();

/** A server of the same site (localhost) but of another origin. A SameSite cookie alone does not protect against it. */
const elsewhere = createServer(localhostTls(), (_request, response) => {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>elsewhere</title>");
});
let other = "";

beforeAll(async () => {
  await new Promise<void>((listening) => elsewhere.listen(0, "127.0.0.1", listening));
  other = `https://localhost:${(elsewhere.address() as AddressInfo).port}`;
});
afterAll(async () => {
  elsewhere.close();
  await browser.close();
});

/** SESS-3: the responses have security headers. Browsers may cache files with a hash in their names. */
test("security headers and caching headers", async () => {
  const { page, context } = await browser.reader();
  const response = await page.goto(`${SITE}/login`);
  const headers = response?.headers() ?? {};
  const policy = headers["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toMatch(/unsafe|\*|https:/);
  expect(headers["strict-transport-security"]).toMatch(/max-age=\d{8}/);
  expect(headers["x-frame-options"]).toBe("DENY");
  expect(headers["referrer-policy"]).toBe("no-referrer");
  expect(headers["content-encoding"]).toBe("br");
  expect(headers["cache-control"]).toBe("no-cache");
  const script = (await page.locator("script").getAttribute("src")) ?? "";
  const file = await context.request.get(SITE + script);
  expect(file.headers()["cache-control"]).toContain("immutable");
  await context.close();
});

/** The browser enforces the content security policy: it refuses inline code, and scripts that turn text into markup. */
test("the content security policy is enforced", async () => {
  const { page, context } = await browser.reader();
  await page.goto(`${SITE}/login`);
  const found = await page.evaluate(() => {
    const script = document.createElement("script");
    let markup = "taken";
    try {
      document.body.insertAdjacentHTML("beforeend", "<p>x</p>");
    } catch {
      markup = "refused";
    }
    let code = "taken";
    try {
      script.textContent = "window.inline = true";
    } catch {
      code = "refused";
    }
    return { markup, code, ran: "inline" in window };
  });
  expect(found).toEqual({ markup: "refused", code: "refused", ran: false });
  await context.close();
});

/** SESS-3: the token is only in a cookie that scripts cannot read. */
test("the cookie's flags", async () => {
  const { number, password } = await account();
  const { page, context } = await browser.reader();
  const reader = new Reader(page);
  await reader.logIn(number, password);
  await reader.home();
  const [cookie, ...more] = await context.cookies();
  expect(more).toEqual([]);
  expect(cookie).toMatchObject({
    name: "__Host-aikagi",
    httpOnly: true,
    secure: true,
    sameSite: "Strict",
    path: "/",
    expires: -1,
  });
  const kept = await page.evaluate(() => ({
    cookie: document.cookie,
    local: JSON.stringify({ ...localStorage }),
    session: JSON.stringify({ ...sessionStorage }),
    state: JSON.stringify(history.state),
    address: location.href,
  }));
  expect(kept).toMatchObject({ cookie: "", session: "{}", state: "null", address: `${SITE}/account` });
  for (const secret of [password, number, cookie?.value ?? ""]) {
    expect(JSON.stringify(kept)).not.toContain(secret);
  }
  await context.close();
});

/** SESS-3: a page of another origin cannot use a subscriber's session, even if it is of the same site. */
test("a page of another origin cannot use the session", async () => {
  const { number, password } = await account();
  const { page, context } = await browser.reader();
  const reader = new Reader(page);
  await reader.logIn(number, password);
  await reader.home();

  const evil = await context.newPage();
  await evil.goto(other);
  const tried = await evil.evaluate(async (site) => {
    const address = `${site}/aikagi.edge.v1.SubscriberService/Logout`;
    const body = new Uint8Array(5);
    const attempt = async (init: RequestInit) => {
      try {
        const response = await fetch(address, { method: "POST", credentials: "include", body, ...init });
        return `${response.type} ${response.status}`;
      } catch {
        return "refused";
      }
    };
    const frame = document.createElement("iframe");
    frame.src = `${site}/account`;
    const framed = new Promise<string>((done) => {
      frame.onload = () => {
        try {
          done(frame.contentDocument === null ? "opaque" : "readable");
        } catch {
          done("opaque");
        }
      };
      setTimeout(() => done("nothing"), 3000);
    });
    document.body.append(frame);
    return {
      asCall: await attempt({ headers: { "content-type": "application/grpc-web+proto" } }),
      simple: await attempt({ mode: "no-cors", headers: { "content-type": "text/plain" } }),
      framed: await framed,
    };
  }, SITE);
  expect(tried.asCall).toBe("refused");
  expect(tried.framed).toBe("opaque");
  expect(evil.frames().some((frame) => frame.url().startsWith(SITE) && frame !== evil.mainFrame())).toBe(
    false,
  );

  // A browser sends a form to another origin without a preflight request.
  await evil.setContent(
    `<form method="post" enctype="text/plain" action="${SITE}/aikagi.edge.v1.SubscriberService/Logout"><input name="a"></form>`,
  );
  await evil.locator("form").evaluate((form) => (form as HTMLFormElement).submit());
  await evil.waitForTimeout(500);

  await page.bringToFront();
  await page.reload();
  await reader.home();
  await context.close();
});

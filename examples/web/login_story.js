// An example of a web client: gRPC-Web with the session in a cookie. The client logs in with a temporary password,
// changes the password as required, logs in with the permanent password and logs out. The example fails if any step
// has an unexpected result.

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { ConnectError, createClient } from "@connectrpc/connect";
import { MustChangeReason } from "./generated/aikagi/authentication/v1/session_pb.js";
import { SubscriberService } from "./generated/aikagi/edge/v1/subscriber_service_pb.js";
import { ErrorInfoSchema } from "./generated/google/rpc/error_details_pb.js";
import { digits, prepare } from "./prepare.js";
import { browser, readState } from "./system.js";

const { values } = parseArgs({
  options: {
    state: { type: "string", default: "target/up/state.json" },
    // Give both or neither. By default the example adds a line and sets its temporary password.
    number: { type: "string" },
    "temporary-password": { type: "string" },
  },
});
const state = readState(values.state);
const { number, temporaryPassword } = values.number
  ? { number: values.number, temporaryPassword: values["temporary-password"] }
  : await prepare(state);
const permanent = `Web${digits(8)}`;

const jar = {};
const site = createClient(SubscriberService, browser(state, jar), { defaultTimeoutMs: 10_000 });

/** Requires that the RPC is refused with this reason. */
async function refused(rpc, expected) {
  const error = await rpc.then(
    () => assert.fail(`expected ${expected}, but the RPC succeeded`),
    (error) => ConnectError.from(error),
  );
  const reason = error.findDetails(ErrorInfoSchema)[0]?.reason;
  assert.equal(reason, expected, error.message);
  console.log(`  ${reason}: ${error.rawMessage}`);
}

/** SESS-3: the token is only in a cookie that scripts cannot read. */
function tokenIsInTheCookie(response) {
  assert.equal(response.sessionToken, "", "the token must not be in the body");
  assert.match(jar.cookie.value, /^[\w-]{43}$/, "the cookie must contain 256 bits");
  for (const attribute of ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"]) {
    assert.ok(jar.cookie.attributes.includes(attribute), `the cookie must have ${attribute}`);
  }
}

console.log("logs in with the temporary password; the session requires a change of password");
const opened = await site.login({ number, password: temporaryPassword });
tokenIsInTheCookie(opened);
assert.equal(opened.session.mustChangeReason, MustChangeReason.TEMPORARY);
const before = jar.cookie;

console.log("changes the password; the session continues with a new cookie");
const changed = await site.changePassword({
  currentPassword: temporaryPassword,
  newPassword: permanent,
  newPasswordConfirmation: permanent,
  revision: opened.session.revision,
});
tokenIsInTheCookie(changed);
assert.notEqual(jar.cookie.value, before.value);
assert.equal(changed.session.mustChangeReason, MustChangeReason.UNSPECIFIED);

console.log("gets the session; the old cookie is refused and deleted");
const { session } = await site.getSession({});
assert.equal(session.accountNumber, number);
jar.cookie = before;
await refused(site.getSession({}), "SESSION_ENDED");
assert.equal(jar.cookie, undefined);

console.log("tries a wrong password, then the permanent one");
await refused(site.login({ number, password: `${permanent}x` }), "LOGIN_REFUSED");
tokenIsInTheCookie(await site.login({ number, password: permanent }));

console.log("logs out; the cookie is deleted");
const last = jar.cookie;
await site.logout({});
assert.equal(jar.cookie, undefined);
await refused(site.getSession({}), "SESSION_REQUIRED");
jar.cookie = last;
await refused(site.getSession({}), "SESSION_ENDED");
console.log("the web client logged in and out");
// The transport keeps its connection open, which would keep this process running.
process.exit(0);

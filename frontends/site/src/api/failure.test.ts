import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  LocalizedMessageSchema,
} from "../gen/google/rpc/error_details_pb";
import { en } from "../texts/en";
import { wordsOf } from "../ui/words";
import { failureOf } from "./failure";

function refused(reason: string, domain = "aikagi", code = Code.FailedPrecondition): ConnectError {
  return new ConnectError("refused", code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain } },
    { desc: LocalizedMessageSchema, value: { locale: "en", message: "The server's own words." } },
    {
      desc: BadRequestSchema,
      value: {
        fieldViolations: [
          { field: "passwords[0]", reason: "PASSWORD_WRONG" },
          { field: "passwords[1]", reason: "" },
        ],
      },
    },
  ]);
}

/** MIG-5: each field has its own reason. A field without one gets the reason of the refusal. */
test("each field has its own reason", () => {
  const failure = failureOf(refused("PASSWORD_DEAD"));
  expect(failure).toMatchObject({ reason: "PASSWORD_DEAD", foreign: false, lost: false });
  expect(failure.fields).toEqual({ "passwords[0]": "PASSWORD_WRONG", "passwords[1]": "PASSWORD_DEAD" });
});

test("a reason that is newer than the site shows the server's text", () => {
  const failure = failureOf(refused("SOMETHING_NEW"));
  expect(failure).toMatchObject({ foreign: true, lost: false });
  expect(wordsOf(failure, en, "en")).toBe("The server's own words.");
});

test("an error without ErrorInfo may be a lost response", () => {
  expect(failureOf(refused("PASSWORD_DEAD", "proxy", Code.Unavailable))).toMatchObject({
    reason: "UNREACHABLE",
    foreign: false,
    lost: true,
  });
  expect(failureOf(new TypeError("fetch failed"))).toMatchObject({ lost: true });
});

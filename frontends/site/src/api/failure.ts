// The failure of an RPC, in a form for pages: the stable reason and the error details of google.rpc.

import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  LocalizedMessageSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb";
import { SERVER_REASONS } from "../gen/reasons";

/** Every reason for which the server refuses a subscriber's RPC. */
export type ServerReason = (typeof SERVER_REASONS)[number];

/** Every reason of a failure, including the reasons that the site itself detects. */
export type Reason = ServerReason | "OFFLINE" | "UNREACHABLE" | "COOKIES_BLOCKED";

/** The failure of an RPC. */
export interface Failure {
  reason: Reason;
  /** True if this site does not know the server's reason. The page then shows the server's text. */
  foreign: boolean;
  /** Maps each invalid field of the request, by its path in the contract, to its reason. */
  fields: Record<string, Reason>;
  /** The metadata of ErrorInfo. */
  metadata: Record<string, string>;
  /** Seconds to wait before a retry. Undefined if the server does not ask for a delay. */
  retryAfter?: number;
  /** The server's text in each language, by `ja` and `en`. */
  words: Record<string, string>;
  /** True if it is not known whether the server has carried out the request: the response was lost or is a fault. */
  lost: boolean;
}

const DOMAIN = "aikagi";
const KNOWN: ReadonlySet<string> = new Set(SERVER_REASONS);

/** Reasons after which it is not known whether the server has carried out the request. */
const AMBIGUOUS: ReadonlySet<string> = new Set(["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"]);

function isServerReason(text: string | undefined): text is ServerReason {
  return text !== undefined && KNOWN.has(text);
}

/** Converts the exception of an RPC to a failure. */
export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === DOMAIN);
  const known = isServerReason(info?.reason) ? info.reason : undefined;
  const reason = known ?? withoutReason(error.code);
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const violations = error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
  return {
    reason,
    foreign: info !== undefined && known === undefined,
    fields: Object.fromEntries(
      violations.map(({ field, reason: own }) => [field, isServerReason(own) ? own : reason]),
    ),
    metadata: info?.metadata ?? {},
    ...(delay && { retryAfter: Number(delay.seconds) + (delay.nanos > 0 ? 1 : 0) }),
    words: Object.fromEntries(
      error.findDetails(LocalizedMessageSchema).map(({ locale, message }) => [locale.slice(0, 2), message]),
    ),
    lost: info === undefined || AMBIGUOUS.has(reason),
  };
}

/** Returns the reason for an error that has no ErrorInfo, or whose reason is newer than this site. */
function withoutReason(code: Code): Reason {
  if (typeof navigator !== "undefined" && navigator.onLine === false) {
    return "OFFLINE";
  }
  switch (code) {
    case Code.DeadlineExceeded:
    case Code.Canceled:
      return "DEADLINE_EXCEEDED";
    case Code.ResourceExhausted:
      return "OVERLOADED";
    case Code.Internal:
      return "INTERNAL";
    default:
      return "UNREACHABLE";
  }
}

/** True if the request had no session, or if its session has ended. */
export function isSessionOver(failure: Failure): boolean {
  return failure.reason === "SESSION_ENDED" || failure.reason === "SESSION_REQUIRED";
}

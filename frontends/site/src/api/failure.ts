// What a refused or lost call tells: the stable reason and the details of google.rpc, made plain for pages.

import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  LocalizedMessageSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb";
import { SERVER_REASONS } from "../gen/reasons";

/** Every reason for which the server refuses a subscriber's call. */
export type ServerReason = (typeof SERVER_REASONS)[number];

/** Every reason why something did not work, our own included. */
export type Reason = ServerReason | "OFFLINE" | "UNREACHABLE";

/** Why something did not work. */
export interface Failure {
  reason: Reason;
  /** The server gave a reason that this site does not know yet: only its own words tell. */
  foreign: boolean;
  /** The request's fields that are wrong, by their names in the contract, each with its reason. */
  fields: Record<string, Reason>;
  /** More about the reason. */
  metadata: Record<string, string>;
  /** Seconds after which to try again, where that can help. */
  retryAfter?: number;
  /** The server's own words, by language. */
  words: Record<string, string>;
  /** The answer was lost: what was asked may have been done. */
  lost: boolean;
}

const DOMAIN = "aikagi";
const KNOWN: ReadonlySet<string> = new Set(SERVER_REASONS);

/** After these the work may have gone on. */
const AMBIGUOUS: ReadonlySet<string> = new Set(["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"]);

function isServerReason(text: string | undefined): text is ServerReason {
  return text !== undefined && KNOWN.has(text);
}

/** Reads what a call threw. */
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

/** No reason that we know came with it: it was lost on the way, never left, or is newer than this site. */
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

/** The session is over, or there was none. */
export function isSessionOver(failure: Failure): boolean {
  return failure.reason === "SESSION_ENDED" || failure.reason === "SESSION_REQUIRED";
}

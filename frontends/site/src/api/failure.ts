// What a refused or lost call tells: the stable reason and the details of google.rpc, made plain for pages.

import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../gen/aikagi/mesh/v1/error_reason_pb";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  LocalizedMessageSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb";

/** Every reason that the server gives. */
export type ServerReason =
  | Exclude<keyof typeof ErrorReason, "UNSPECIFIED">
  | "MIGRATION_NOT_OFFERED"
  | "ACCOUNTS_NOT_READY";

/** Every reason why something did not work, our own included. */
export type Reason = ServerReason | "OFFLINE" | "UNREACHABLE";

/** Why something did not work. */
export interface Failure {
  reason: Reason;
  /** The request's fields that are wrong, by their names in the contract. */
  fields: string[];
  /** More about the reason. */
  metadata: Record<string, string>;
  /** Seconds after which to try again, where that can help. */
  retryAfter?: number;
  /** The server's own words, by language. */
  words: Record<string, string>;
  /** The answer was lost: what was asked may have been done. */
  lost: boolean;
}

const LATER: ReadonlySet<string> = new Set(["MIGRATION_NOT_OFFERED", "ACCOUNTS_NOT_READY"]);

function isServerReason(text: string | undefined): text is ServerReason {
  return text !== undefined && text !== "UNSPECIFIED" && (text in ErrorReason || LATER.has(text));
}

/** Reads what a call threw. */
export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const info = error.findDetails(ErrorInfoSchema)[0];
  const reason = info?.reason;
  const known = isServerReason(reason);
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    reason: known ? reason : withoutReason(error.code),
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap((bad) => bad.fieldViolations.map(({ field }) => field)),
    metadata: info?.metadata ?? {},
    ...(delay && { retryAfter: Number(delay.seconds) + (delay.nanos > 0 ? 1 : 0) }),
    words: Object.fromEntries(
      error.findDetails(LocalizedMessageSchema).map(({ locale, message }) => [locale.slice(0, 2), message]),
    ),
    lost: !known || reason === "UNAVAILABLE" || reason === "DEADLINE_EXCEEDED" || reason === "INTERNAL",
  };
}

/** No reason came with it: it was lost on the way, or never left. */
function withoutReason(code: Code): Reason {
  if (typeof navigator !== "undefined" && navigator.onLine === false) {
    return "OFFLINE";
  }
  if (code === Code.DeadlineExceeded || code === Code.Canceled) {
    return "DEADLINE_EXCEEDED";
  }
  if (code === Code.ResourceExhausted) {
    return "OVERLOADED";
  }
  return code === Code.Internal ? "INTERNAL" : "UNREACHABLE";
}

/** The session is over, or there was none. */
export function isSessionOver(failure: Failure): boolean {
  return failure.reason === "SESSION_ENDED" || failure.reason === "SESSION_REQUIRED";
}

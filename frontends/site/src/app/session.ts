// The state of the session, as the page knows it, and its end. The page keeps this state only in memory.

import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { serverNow } from "../api/clock";
import type { Failure } from "../api/failure";
import type { Session } from "../gen/aikagi/authentication/v1/session_pb";

/** The state of the session, as the page knows it. */
export type Account =
  | { kind: "unknown" }
  | { kind: "none" }
  | { kind: "failed"; failure: Failure }
  | {
      kind: "live";
      session: Session;
      /** The server's time when the page received the session, in milliseconds since 1970. */
      seen: number;
      /** SITE-7: the account that the page was showing, if another account has logged in since then. */
      instead: string | undefined;
    };

/** The warning appears this long before the end, or in the last third of a short session. In milliseconds. */
const WARNING_MS = 60_000;

const at = (time: Timestamp | undefined): number => (time ? timestampMs(time) : Number.POSITIVE_INFINITY);

/** The remaining lifetime of a session. */
export interface Life {
  /** The milliseconds until the session ends, if it is not used. */
  left: number;
  /** True if the warning must be shown. */
  warn: boolean;
  /** True if use extends the session. */
  canStay: boolean;
}

/** Computes the remaining lifetime of a session that was received at `seen` (SESS-1). */
export function lifeOf(session: Session, seen: number, now: number = serverNow()): Life {
  const idle = at(session.idleExpireTime);
  const end = Math.min(idle, at(session.expireTime));
  const warning = Math.min(WARNING_MS, Math.max(0, end - seen) / 3);
  const left = end - now;
  return { left, warn: left <= warning, canStay: idle < at(session.expireTime) };
}

/** Returns the number of whole days from now to `time`. It is at least 0. */
export function daysUntil(time: Timestamp, now: number = serverNow()): number {
  return Math.max(0, Math.floor((timestampMs(time) - now) / 86_400_000));
}

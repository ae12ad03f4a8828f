// The session as the page knows it, and how it comes to an end. Nothing of it is ever stored.

import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { serverNow } from "../api/clock";
import type { Failure } from "../api/failure";
import type { Session } from "../gen/aikagi/authentication/v1/session_pb";

/** What the page knows of the session. */
export type Account =
  | { kind: "unknown" }
  | { kind: "none" }
  | { kind: "failed"; failure: Failure }
  | { kind: "live"; session: Session; seen: number };

/** A minute's warning, or less where sessions are configured to be short. */
const WARNING_MS = 60_000;

const at = (time: Timestamp | undefined): number => (time ? timestampMs(time) : Number.POSITIVE_INFINITY);

/** Where a session stands in its life. */
export interface Life {
  /** Milliseconds until it ends unless it is used. */
  left: number;
  /** The reader is to be warned. */
  warn: boolean;
  /** Using it makes it longer. */
  canStay: boolean;
}

/** Where a session, last answered at `seen`, stands now (SESS-1). */
export function lifeOf(session: Session, seen: number, now: number = serverNow()): Life {
  const idle = at(session.idleExpireTime);
  const end = Math.min(idle, at(session.expireTime));
  const warning = Math.min(WARNING_MS, Math.max(0, end - seen) / 3);
  const left = end - now;
  return { left, warn: left <= warning, canStay: idle < at(session.expireTime) };
}

/** Whole days from now until then, never less than none. */
export function daysUntil(time: Timestamp, now: number = serverNow()): number {
  return Math.max(0, Math.floor((timestampMs(time) - now) / 86_400_000));
}

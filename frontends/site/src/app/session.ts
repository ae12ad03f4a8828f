// What the page knows of the session, and when it ends. Nothing of it is stored.

import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { serverNow } from "../api/clock";
import type { Failure } from "../api/failure";
import type { Session } from "../gen/aikagi/authentication/v1/session_pb";

/** What the page knows of the session. */
export type Account =
  | { kind: "unknown" }
  | { kind: "none" }
  | { kind: "failed"; failure: Failure }
  | {
      kind: "live";
      session: Session;
      /** When the session was read. */
      seen: number;
      /** SITE-7: the account that the page has shown, if another one has logged in since. */
      instead: string | undefined;
    };

/** The warning comes one minute before the end, or in the last third of a short session. */
const WARNING_MS = 60_000;

const at = (time: Timestamp | undefined): number => (time ? timestampMs(time) : Number.POSITIVE_INFINITY);

/** The remaining life of a session. */
export interface Life {
  /** Milliseconds until it ends without use. */
  left: number;
  /** Whether to show the warning. */
  warn: boolean;
  /** Whether use extends it. */
  canStay: boolean;
}

/** The remaining life of a session that was received at `seen` (SESS-1). */
export function lifeOf(session: Session, seen: number, now: number = serverNow()): Life {
  const idle = at(session.idleExpireTime);
  const end = Math.min(idle, at(session.expireTime));
  const warning = Math.min(WARNING_MS, Math.max(0, end - seen) / 3);
  const left = end - now;
  return { left, warn: left <= warning, canStay: idle < at(session.expireTime) };
}

/** Whole days from now until then, at least 0. */
export function daysUntil(time: Timestamp, now: number = serverNow()): number {
  return Math.max(0, Math.floor((timestampMs(time) - now) / 86_400_000));
}

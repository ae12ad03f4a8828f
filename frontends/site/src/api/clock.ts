// An estimate of the server's clock, from its responses. The clock of the subscriber's device may be wrong by hours.

let ahead = 0;
let exact = false;

/**
 * SITE-6: learns the server's time from a response with a session. The same clock has set the end of the session. From
 * then on `learnTime` has no effect.
 */
export function learnSessionTime(server: number, now: number = Date.now()): void {
  exact = true;
  ahead = server - now;
}

/**
 * Learns the time from the `date` header of a response, which has the edge's clock. Used until the first response
 * with a session.
 */
export function learnTime(date: string | null, now: number): void {
  const server = date === null ? Number.NaN : Date.parse(date);
  if (!exact && !Number.isNaN(server)) {
    ahead = server - now;
  }
}

/** Returns the server's time, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + ahead;
}

// The server's clock, as near as its answers tell it: a telephone's own clock may be wrong by hours.

let ahead = 0;

/** Learns from an answer's `date` header how far the server's clock is ahead of ours. */
export function learnTime(date: string | null, now: number): void {
  const server = date === null ? Number.NaN : Date.parse(date);
  if (!Number.isNaN(server)) {
    ahead = server - now;
  }
}

/** The server's time, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + ahead;
}

// The server's clock, estimated from its responses: the clock of a telephone may be wrong by hours.

let ahead = 0;

/** Computes from the `date` header of a response how far the server's clock is ahead of ours. */
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

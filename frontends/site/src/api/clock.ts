// The server's clock, estimated from its responses: the clock of a telephone may be wrong by hours.

let ahead = 0;
let exact = false;

/** SITE-6: the time at which a session was read, by the clock that set its end. From then on only such times count. */
export function learnSessionTime(server: number, now: number = Date.now()): void {
  exact = true;
  ahead = server - now;
}

/** The `date` header of a response, for as long as no session has told the time. It is the gateway's clock. */
export function learnTime(date: string | null, now: number): void {
  const server = date === null ? Number.NaN : Date.parse(date);
  if (!exact && !Number.isNaN(server)) {
    ahead = server - now;
  }
}

/** The server's time, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + ahead;
}

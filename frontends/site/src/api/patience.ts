// Calls that change nothing are tried again by themselves: a reader does not notice a gateway that restarts.

import { type Failure, failureOf } from "./failure";

/** The waits between tries, in milliseconds. */
const WAITS = [300, 900, 2000];

const TRANSIENT: ReadonlySet<string> = new Set(["UNREACHABLE", "UNAVAILABLE", "OVERLOADED"]);

/** What came of a call. */
export type Outcome<T> = { answer: T; failure?: undefined } | { answer?: undefined; failure: Failure };

/** Calls once. */
export async function attempt<T>(call: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { answer: await call() };
  } catch (thrown) {
    return { failure: failureOf(thrown) };
  }
}

/** Calls again while that can help. Only for what changes nothing. */
export async function persist<T>(
  call: () => Promise<T>,
  waits: readonly number[] = WAITS,
): Promise<Outcome<T>> {
  let outcome = await attempt(call);
  for (const wait of waits) {
    if (!outcome.failure || !TRANSIENT.has(outcome.failure.reason)) {
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    outcome = await attempt(call);
  }
  return outcome;
}

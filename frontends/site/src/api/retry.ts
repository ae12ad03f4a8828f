// Sends RPCs. RPCs that change nothing are retried, so that a subscriber does not notice a restart of the edge.

import { type Failure, failureOf } from "./failure";

/** The pauses between attempts, in milliseconds. */
const WAITS = [300, 900, 2000];

const TRANSIENT: ReadonlySet<string> = new Set(["UNREACHABLE", "UNAVAILABLE", "OVERLOADED"]);

/** The result of an RPC: either a response or a failure. */
export type CallResult<T> = { response: T; failure?: undefined } | { response?: undefined; failure: Failure };

/** Sends an RPC once. */
export async function callOnce<T>(call: () => Promise<T>): Promise<CallResult<T>> {
  try {
    return { response: await call() };
  } catch (thrown) {
    return { failure: failureOf(thrown) };
  }
}

/**
 * Sends an RPC. Retries it while its failure is transient and `waits` has pauses left. Use it only for RPCs that change
 * nothing.
 */
export async function callWithRetries<T>(
  call: () => Promise<T>,
  waits: readonly number[] = WAITS,
): Promise<CallResult<T>> {
  let result = await callOnce(call);
  for (const wait of waits) {
    if (!result.failure || !TRANSIENT.has(result.failure.reason)) {
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    result = await callOnce(call);
  }
  return result;
}

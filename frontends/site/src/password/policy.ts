// PW-1, PW-2 and PW-6: checks a new password while the subscriber types it. This is only early feedback. The server
// decides.

import type { GetPolicyResponse } from "../gen/aikagi/edge/v1/subscriber_service_pb";

/** A condition for a new password. All names except DIFFERENT are the server's names. */
export type Rule = "LENGTH" | "CHARACTERS" | "DIGITS_ONLY" | "DIFFERENT" | "COMMON";

/** The policy that the server applies. */
export interface Policy {
  min: number;
  max: number;
  refusesDigitsOnly: boolean;
  /** PW-6: true if the server refuses common passwords. Only the server has the list. */
  refusesCommon: boolean;
  /** The days from a change of the password to its expiry. 0 if passwords never expire. */
  days: number;
  /** LOGIN-2: the number of consecutive wrong attempts that kills a password, for each kind of password. */
  temporaryAttempts: number;
  permanentAttempts: number;
  /** IVR-9: the hours until a temporary password expires. */
  temporaryHours: number;
  /** IVR-7: the number of invalid entries at one step that ends a call. */
  invalidEntries: number;
}

/** Converts the server's response. */
export function policyOf(response: GetPolicyResponse): Policy {
  return {
    min: response.minLength,
    max: response.maxLength,
    refusesDigitsOnly: response.refusesDigitsOnly,
    refusesCommon: response.refusesCommon,
    days: Math.floor(Number(response.lifetime?.seconds ?? 0n) / 86_400),
    temporaryAttempts: response.temporaryAttempts,
    permanentAttempts: response.permanentAttempts,
    temporaryHours: Math.floor(Number(response.temporaryLifetime?.seconds ?? 0n) / 3_600),
    invalidEntries: response.invalidEntries,
  };
}

/**
 * Checks a new password. Returns each known condition of the policy (SITE-2), with true if the password meets it.
 * Undefined means that only the server knows. `common` are the passwords that the server has refused as too common.
 */
export function check(
  policy: Policy | undefined,
  password: string,
  current: string,
  common: readonly string[] = [],
): [Rule, boolean | undefined][] {
  const typed = password.length > 0;
  const checks: [Rule, boolean | undefined][] = [["CHARACTERS", typed && /^[0-9A-Za-z]*$/.test(password)]];
  if (policy) {
    checks.unshift(["LENGTH", password.length >= policy.min && password.length <= policy.max]);
  }
  if (policy?.refusesDigitsOnly) {
    checks.push(["DIGITS_ONLY", typed && !/^\d*$/.test(password)]);
  }
  if (policy?.refusesCommon) {
    checks.push(["COMMON", typed && !common.includes(password) ? undefined : false]);
  }
  checks.push(["DIFFERENT", typed && password !== current]);
  return checks;
}

/** The kind of a character that no password can contain (PW-1). */
export type Stray = "space" | "wide" | "symbol";

/**
 * SITE-5: finds a character that no password can contain. The site does not send such a password, so that the
 * subscriber does not lose an attempt. Returns undefined if there is no such character.
 */
export function strayIn(password: string): Stray | undefined {
  if (/[\s\u3000]/.test(password)) {
    return "space";
  }
  if (/[^\u0020-\u007e]/.test(password)) {
    return "wide";
  }
  return /[^0-9A-Za-z]/.test(password) ? "symbol" : undefined;
}

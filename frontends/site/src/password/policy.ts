// PW-1, PW-2 and PW-6 while the reader types. The server decides; this only gives early feedback.

import type { GetPolicyResponse } from "../gen/aikagi/edge/v1/subscriber_service_pb";

/** A condition for a new password. All but DIFFERENT have the server's names. */
export type Rule = "LENGTH" | "CHARACTERS" | "DIGITS_ONLY" | "DIFFERENT" | "COMMON";

/** The policy in force. */
export interface Policy {
  min: number;
  max: number;
  refusesDigitsOnly: boolean;
  /** PW-6: whether common passwords are refused. Only the server has the list. */
  refusesCommon: boolean;
  /** Days until a password expires without a change; 0 if it never expires. */
  days: number;
  /** LOGIN-2: the limits of wrong attempts in a row. */
  temporaryAttempts: number;
  permanentAttempts: number;
  /** IVR-9: hours until a temporary password ends. */
  temporaryHours: number;
  /** IVR-7: invalid entries of one step that end a call. */
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
 * Each condition of the policy as far as it is known (SITE-2), and whether the password meets it; undefined if only the server knows.
 * `common` are the passwords that the server has refused as too common.
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

/** What a typed password has that no password can have (PW-1). */
export type Stray = "space" | "wide" | "symbol";

/** SITE-5: why a typed password cannot be right, so that it need not cost an attempt; undefined if it can. */
export function strayIn(password: string): Stray | undefined {
  if (/[\s\u3000]/.test(password)) {
    return "space";
  }
  if (/[^\u0020-\u007e]/.test(password)) {
    return "wide";
  }
  return /[^0-9A-Za-z]/.test(password) ? "symbol" : undefined;
}

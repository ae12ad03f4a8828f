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
}

/** The policy that is assumed until the server's response arrives (PW-1, PW-3). */
export const USUAL_POLICY: Policy = {
  min: 8,
  max: 12,
  refusesDigitsOnly: true,
  refusesCommon: false,
  days: 60,
};

/** Converts the server's response. */
export function policyOf(response: GetPolicyResponse): Policy {
  return {
    min: response.minLength,
    max: response.maxLength,
    refusesDigitsOnly: response.refusesDigitsOnly,
    refusesCommon: response.refusesCommon,
    days: Math.floor(Number(response.lifetime?.seconds ?? 0n) / 86_400),
  };
}

/**
 * Each condition of the policy, and whether the password meets it; undefined if only the server knows.
 * `common` are the passwords that the server has refused as too common.
 */
export function check(
  policy: Policy,
  password: string,
  current: string,
  common: readonly string[] = [],
): [Rule, boolean | undefined][] {
  const typed = password.length > 0;
  const checks: [Rule, boolean | undefined][] = [
    ["LENGTH", password.length >= policy.min && password.length <= policy.max],
    ["CHARACTERS", typed && /^[0-9A-Za-z]*$/.test(password)],
  ];
  if (policy.refusesDigitsOnly) {
    checks.push(["DIGITS_ONLY", typed && !/^\d*$/.test(password)]);
  }
  if (policy.refusesCommon) {
    checks.push(["COMMON", typed && !common.includes(password) ? undefined : false]);
  }
  checks.push(["DIFFERENT", typed && password !== current]);
  return checks;
}

// PW-1, PW-2 and PW-6 while the reader types. The server decides; this only tells early.

import type { GetPolicyResponse } from "../gen/aikagi/edge/v1/subscriber_service_pb";

/** A condition on a new password; all but DIFFERENT are named as the server names them. */
export type Rule = "LENGTH" | "CHARACTERS" | "DIGITS_ONLY" | "DIFFERENT" | "COMMON";

/** The policy in force. */
export interface Policy {
  min: number;
  max: number;
  refusesDigitsOnly: boolean;
  /** PW-6: the best-known passwords are refused; which they are only the server knows. */
  refusesCommon: boolean;
  /** Days that a password lives without a change; 0 when it lives for ever. */
  days: number;
}

/** What holds until the server has answered (PW-1, PW-3). */
export const USUAL_POLICY: Policy = {
  min: 8,
  max: 12,
  refusesDigitsOnly: true,
  refusesCommon: false,
  days: 60,
};

/** The policy as the server has answered it. */
export function policyOf(answer: GetPolicyResponse): Policy {
  return {
    min: answer.minLength,
    max: answer.maxLength,
    refusesDigitsOnly: answer.refusesDigitsOnly,
    refusesCommon: answer.refusesCommon,
    days: Math.floor(Number(answer.lifetime?.seconds ?? 0n) / 86_400),
  };
}

/**
 * Each condition that the policy has, and whether the password meets it; nothing where only the server can tell.
 * `common` are the passwords that it has refused as too well known.
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

// PW-6: estimates the strength of a password. The word lists are large, so the site loads this module only on pages
// where a password is chosen.

import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { adjacencyGraphs, dictionary as common } from "@zxcvbn-ts/language-common";
import { dictionary as japanese } from "@zxcvbn-ts/language-ja";

const estimator = new ZxcvbnFactory({ dictionary: { ...common, ...japanese }, graphs: adjacencyGraphs });

/**
 * Rates a password from 0 (very weak) to 4 (very strong). `known` are words about the subscriber. A password that
 * contains them is weaker.
 */
export function estimate(password: string, known: string[]): number {
  return estimator.check(password, known).score;
}

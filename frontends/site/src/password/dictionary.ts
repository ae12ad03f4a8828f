// PW-6: how hard a password is to guess. The word lists are large, so this is loaded only where a password is chosen.

import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { adjacencyGraphs, dictionary as common } from "@zxcvbn-ts/language-common";
import { dictionary as japanese } from "@zxcvbn-ts/language-ja";

const estimator = new ZxcvbnFactory({ dictionary: { ...common, ...japanese }, graphs: adjacencyGraphs });

/** 0 (very weak) to 4 (very strong). `known` are words about the reader, which make a password weaker. */
export function estimate(password: string, known: string[]): number {
  return estimator.check(password, known).score;
}

// Writes down for which reasons the subscriber service refuses, as its contract says. The texts are held to this
// list: a reason that the contract names and a language does not word fails the build.

import { readFileSync, writeFileSync } from "node:fs";

const PROTO = "../../proto/aikagi";
const read = (name) => readFileSync(`${PROTO}/${name}`, "utf8");

const every = [...read("refusal/v1/error_reason.proto").matchAll(/^\s*ERROR_REASON_(\w+) = /gm)].map(
  ([, name]) => name,
);
const contract = read("edge/v1/subscriber_service.proto");
const named = new Set(contract.match(/\b[A-Z][A-Z_]+\b/g));
const lists = [...contract.matchAll(/Reasons: ([A-Z_,\s/]+)\./g)].flatMap(([, list]) =>
  list.match(/[A-Z_]+/g),
);
const unknown = lists.filter((name) => !every.includes(name));
if (lists.length === 0 || unknown.length > 0) {
  process.stderr.write(`the subscriber service names reasons that there are not: ${unknown.join(", ")}\n`);
  process.exit(1);
}
const given = every.filter((name) => named.has(name));
writeFileSync(
  "src/gen/reasons.ts",
  `// Written by scripts/reasons.mjs.

/** The reasons for which the subscriber service refuses a call. */
export const SERVER_REASONS = [
${given.map((name) => `  "${name}",\n`).join("")}] as const;
`,
);

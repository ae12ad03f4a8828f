// Writes the list of the reasons in the contract of the subscriber's service. The build fails if a language has no
// text for one of these reasons.

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
  process.stderr.write(
    `subscriber_service.proto has no lists of reasons, or lists unknown ones: ${unknown.join(", ")}\n`,
  );
  process.exit(1);
}
const given = every.filter((name) => named.has(name));
writeFileSync(
  "src/gen/reasons.ts",
  `// Written by scripts/reasons.mjs.

/** The reasons for which the subscriber's service refuses an RPC. */
export const SERVER_REASONS = [
${given.map((name) => `  "${name}",\n`).join("")}] as const;
`,
);

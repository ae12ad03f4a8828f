// The size budget: the compressed bytes that a browser fetches before the login page works.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The budget in bytes. It applies to Brotli, which every supported browser accepts, and to gzip, for browsers behind
 * old proxies.
 */
const BUDGET = 90 * 1000;

const html = readFileSync("dist/index.html", "utf8");
const fetched = [...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1] ?? "");
let over = false;
for (const suffix of ["br", "gz"]) {
  const sizes = ["index.html", ...fetched].map((name) => ({
    name,
    size: readFileSync(join("dist", `${name}.${suffix}`)).length,
  }));
  const sum = sizes.reduce((all, { size }) => all + size, 0);
  over ||= sum > BUDGET;
  const parts = sizes.map(({ name, size }) => `${name} ${size}`).join(", ");
  process.stdout.write(`first load of the login page (${suffix}): ${sum} of ${BUDGET} bytes: ${parts}\n`);
}
if (over) {
  process.stderr.write(`the first load of the login page is larger than its budget of ${BUDGET} bytes\n`);
  process.exit(1);
}

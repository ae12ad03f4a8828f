// Prepares the example: adds a line as an operator, and sets its temporary password as an IVR platform.

import { randomInt } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { CallService } from "./generated/aikagi/issuance/v1/call_service_pb.js";
import { DirectoryService } from "./generated/aikagi/units/v1/directory_service_pb.js";
import { AuthUnit } from "./generated/aikagi/units/v1/unit_pb.js";
import { workload } from "./system.js";

/** Returns `count` random digits. */
export function digits(count) {
  return Array.from({ length: count }, () => randomInt(10)).join("");
}

/** Adds a line. Returns its number and its temporary password. */
export async function prepare(state) {
  const number = `050${digits(8)}`;
  const temporaryPassword = digits(8);
  const directory = createClient(DirectoryService, workload(state, "operator"));
  await directory.addLine({ contractNumber: { number, subscribed: true } });
  const calls = createClient(CallService, workload(state, "ivr"));
  await calls.setTemporaryPassword({ callerNumber: number, unit: AuthUnit.LINE, temporaryPassword });
  return { number, temporaryPassword };
}

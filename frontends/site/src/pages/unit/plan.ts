import type { PreviewMigrationResponse } from "../../gen/aikagi/edge/v1/subscriber_service_pb";
import type { AuthUnit } from "../../gen/aikagi/units/v1/unit_pb";

/** A unit migration before it is made: the chosen unit, and the server's preview of the change. */
export interface Plan {
  unit: AuthUnit;
  preview: PreviewMigrationResponse;
}

import type { PreviewMigrationResponse } from "../../gen/aikagi/edge/v1/subscriber_service_pb";
import type { AuthUnit } from "../../gen/aikagi/units/v1/unit_pb";

/** A unit migration that the reader considers: the new unit, and the server's preview of it. */
export interface Plan {
  unit: AuthUnit;
  preview: PreviewMigrationResponse;
}

// MIG-1: the unit migrations that the site offers.

import { AuthUnit } from "../gen/aikagi/units/v1/unit_pb";

/** Returns the units to which a line with this unit can change. */
export function offered(unit: AuthUnit): AuthUnit[] {
  switch (unit) {
    case AuthUnit.NUMBER:
      return [AuthUnit.LINE, AuthUnit.ADMIN_USER];
    case AuthUnit.LINE:
      return [AuthUnit.NUMBER, AuthUnit.ADMIN_USER];
    default:
      return [];
  }
}

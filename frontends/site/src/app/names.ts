// The contract's enumerations by the names under which the texts have them.

import { AccountRole, AuthUnit } from "../gen/aikagi/units/v1/unit_pb";

/** An auth unit's name. */
export type UnitName = keyof typeof AuthUnit;

/** A role's name. */
export type RoleName = keyof typeof AccountRole;

/** The name of an auth unit; one that this site does not know yet is unspecified. */
export function unitName(unit: AuthUnit): UnitName {
  return (AuthUnit[unit] as UnitName | undefined) ?? "UNSPECIFIED";
}

/** The name of a role; one that this site does not know yet is unspecified. */
export function roleName(role: AccountRole): RoleName {
  return (AccountRole[role] as RoleName | undefined) ?? "UNSPECIFIED";
}

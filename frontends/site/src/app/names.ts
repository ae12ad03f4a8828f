// The names of the contract's enumeration values. They are also keys of the texts.

import { AccountRole, AuthUnit } from "../gen/aikagi/units/v1/unit_pb";

/** The name of an auth unit. */
export type UnitName = keyof typeof AuthUnit;

/** The name of a role. */
export type RoleName = keyof typeof AccountRole;

/** Returns the name of an auth unit, or UNSPECIFIED for a value that this site does not know. */
export function unitName(unit: AuthUnit): UnitName {
  return (AuthUnit[unit] as UnitName | undefined) ?? "UNSPECIFIED";
}

/** Returns the name of a role, or UNSPECIFIED for a value that this site does not know. */
export function roleName(role: AccountRole): RoleName {
  return (AccountRole[role] as RoleName | undefined) ?? "UNSPECIFIED";
}

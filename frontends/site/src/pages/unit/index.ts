// One chunk, so that the result can be shown even if the connection was lost after the change.

export { ChangeUnit } from "./ChangeUnit";
export { UnitChanged } from "./UnitChanged";

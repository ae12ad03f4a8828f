// One chunk: who has changed the unit can be told so though the connection is gone.

export { ChangeUnit } from "./ChangeUnit";
export { UnitChanged } from "./UnitChanged";

// Both pages are in one chunk. Therefore the site can show the result even if the connection is lost after the change.

export { ChangeUnit } from "./ChangeUnit";
export { UnitChanged } from "./UnitChanged";

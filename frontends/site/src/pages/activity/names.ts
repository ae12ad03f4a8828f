// The names of the contract's enumeration values on this page. They are also keys of its texts.

import { DeviceClass } from "../../gen/aikagi/authentication/v1/session_pb";
import { OwnEventKind } from "../../gen/aikagi/units/v1/own_event_pb";

/** The name of a class of devices. */
export type DeviceName = keyof typeof DeviceClass;

/** The name of a kind of events. */
export type EventName = keyof typeof OwnEventKind;

/** Returns the name of a class of devices, or UNSPECIFIED for a value that this site does not know. */
export function deviceName(device: DeviceClass): DeviceName {
  return (DeviceClass[device] as DeviceName | undefined) ?? "UNSPECIFIED";
}

/** Returns the name of a kind of events, or UNSPECIFIED for a value that this site does not know. */
export function eventName(kind: OwnEventKind): EventName {
  return (OwnEventKind[kind] as EventName | undefined) ?? "UNSPECIFIED";
}

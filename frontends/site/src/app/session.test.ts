import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { SessionSchema } from "../gen/aikagi/authentication/v1/session_pb";
import { daysUntil, lifeOf } from "./session";

const session = (idle: number, end: number) =>
  create(SessionSchema, { idleExpireTime: timestampFromMs(idle), expireTime: timestampFromMs(end) });

test("SESS-1: the warning appears one minute before the end", () => {
  const usual = session(900_000, 43_200_000);
  expect(lifeOf(usual, 0, 839_000)).toMatchObject({ warn: false, canStay: true });
  expect(lifeOf(usual, 0, 840_000)).toMatchObject({ warn: true, left: 60_000 });
  expect(lifeOf(usual, 0, 900_001).left).toBeLessThan(0);
});

test("SESS-1: in a short session the warning appears in its last third", () => {
  expect(lifeOf(session(30_000, 43_200_000), 0, 19_000).warn).toBe(false);
  expect(lifeOf(session(30_000, 43_200_000), 0, 20_000).warn).toBe(true);
});

test("SESS-1: at the maximum length of a session no extension is offered", () => {
  expect(lifeOf(session(900_000, 900_000), 0, 850_000)).toMatchObject({ warn: true, canStay: false });
});

test("daysUntil counts whole days and is never negative", () => {
  expect(daysUntil(timestampFromMs(86_400_000 * 3 + 5), 0)).toBe(3);
  expect(daysUntil(timestampFromMs(0), 5)).toBe(0);
});

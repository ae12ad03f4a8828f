// The client of the edge's public port, at the site's origin. The session is in a cookie that scripts cannot read.

import { createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { SubscriberService } from "../gen/aikagi/edge/v1/subscriber_service_pb";
import { learnTime } from "./clock";

/** The deadline of an RPC, in milliseconds. */
const DEADLINE = 15_000;

const keepTime: Interceptor = (next) => async (request) => {
  const response = await next(request);
  learnTime(response.header.get("date"), Date.now());
  return response;
};

const sameOrigin: typeof globalThis.fetch = (input, init) =>
  fetch(input, { ...init, credentials: "same-origin", redirect: "error", cache: "no-store" });

/** The client of the subscriber's service. */
export const subscriber = createClient(
  SubscriberService,
  createGrpcWebTransport({
    baseUrl: location.origin,
    defaultTimeoutMs: DEADLINE,
    interceptors: [keepTime],
    fetch: sameOrigin,
  }),
);

/** The type of the client. */
export type Subscriber = typeof subscriber;

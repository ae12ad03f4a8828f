// How those outside reach the running system, as its state.json describes it.

import { readFileSync } from "node:fs";
import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

const COOKIE = "__Host-aikagi";

/** Reads state.json. */
export function readState(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/**
 * The public port as a browser uses it: gRPC-Web, and a cookie that is kept and sent by the transport, out of the
 * page's sight. `jar.cookie` is what a browser would hold.
 */
export function browser(state, jar) {
  const origin = state.public[0];
  const keepCookie = (headers) => {
    for (const line of headers.getSetCookie()) {
      const [pair, ...attributes] = line.split("; ");
      const [name, value] = pair.split("=");
      if (name === COOKIE) {
        const forgotten = attributes.includes("Max-Age=0");
        jar.cookie = forgotten ? undefined : { value, attributes };
      }
    }
  };
  const asBrowser = (next) => async (request) => {
    request.header.set("origin", origin);
    if (jar.cookie) {
      request.header.set("cookie", `${COOKIE}=${jar.cookie.value}`);
    }
    try {
      const response = await next(request);
      keepCookie(response.header);
      return response;
    } catch (error) {
      if (error.metadata) {
        keepCookie(error.metadata);
      }
      throw error;
    }
  };
  return createGrpcWebTransport({
    baseUrl: origin,
    httpVersion: "2",
    interceptors: [asBrowser],
    nodeOptions: { ca: readFileSync(state.authority) },
  });
}

/** The private port as one of the workloads outside: gRPC over mutual TLS. */
export function workload(state, name) {
  const { certificate, key } = state.identities[name];
  return createGrpcTransport({
    baseUrl: state.private[0],
    nodeOptions: {
      ca: readFileSync(state.authority),
      cert: readFileSync(certificate),
      key: readFileSync(key),
    },
  });
}

// Transports to the running system that state.json describes.

import { readFileSync } from "node:fs";
import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

const COOKIE = "__Host-aikagi";

/** Reads state.json. */
export function readState(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/**
 * A transport to the public port that acts like a browser: gRPC-Web, with a cookie that only the transport sees.
 * `jar.cookie` is the cookie that a browser would store.
 */
export function browser(state, jar) {
  const origin = state.public[0];
  const keepCookie = (headers) => {
    for (const line of headers.getSetCookie()) {
      const [pair, ...attributes] = line.split("; ");
      const [name, value] = pair.split("=");
      if (name === COOKIE) {
        const deleted = attributes.includes("Max-Age=0");
        jar.cookie = deleted ? undefined : { value, attributes };
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

/** A transport to the private port as an outside workload: gRPC over mutual TLS. */
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

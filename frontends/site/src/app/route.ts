// The address of each page. An address contains only the name of the page and no data.

/** Every page that has an address. */
export const PATHS = {
  welcome: "/",
  login: "/login",
  account: "/account",
  password: "/password",
  unit: "/unit",
  unitCheck: "/unit/check",
  unitChanged: "/unit/changed",
  activity: "/activity",
  loggedOut: "/logged-out",
  timedOut: "/timed-out",
  help: "/help",
} as const;

/** A page that has an address. */
export type Route = keyof typeof PATHS;

/** Pages that need a session. */
const PRIVATE: ReadonlySet<Route> = new Set<Route>(["account", "password", "unit", "unitCheck", "activity"]);

/** True if a page needs a session. */
export function isPrivate(route: Route): boolean {
  return PRIVATE.has(route);
}

/** Returns the page at an address. Ignores doubled and trailing slashes (SITE-8). */
export function routeAt(path: string): Route | undefined {
  const plain = path.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
  const routes = Object.keys(PATHS) as Route[];
  return routes.find((route) => PATHS[route] === plain);
}

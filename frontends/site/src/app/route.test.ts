import { expect, test } from "vitest";
import { routeAt } from "./route";

/** SITE-8: an address with doubled or trailing slashes leads to its page. */
test("extra slashes do not change the page of an address", () => {
  for (const path of ["/login", "//login", "/login/", "///login//"]) {
    expect(routeAt(path), path).toBe("login");
  }
  expect(routeAt("/")).toBe("welcome");
  expect(routeAt("//")).toBe("welcome");
  expect(routeAt("/unit//check/")).toBe("unitCheck");
  expect(routeAt("/nowhere")).toBeUndefined();
  expect(routeAt("/loginx")).toBeUndefined();
});

import { expect, test } from "vitest";
import { routeAt } from "./route";

/** SITE-8: doubled and trailing slashes lead to the page. */
test("slashes change nothing", () => {
  for (const path of ["/login", "//login", "/login/", "///login//"]) {
    expect(routeAt(path), path).toBe("login");
  }
  expect(routeAt("/")).toBe("welcome");
  expect(routeAt("//")).toBe("welcome");
  expect(routeAt("/unit//check/")).toBe("unitCheck");
  expect(routeAt("/nowhere")).toBeUndefined();
  expect(routeAt("/loginx")).toBeUndefined();
});

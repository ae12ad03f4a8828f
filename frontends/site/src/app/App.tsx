import { useEffect } from "react";
import { MustChangeReason } from "../gen/aikagi/authentication/v1/session_pb";
import { AnotherAccount } from "../pages/AnotherAccount";
import { Login } from "../pages/Login";
import { NotFound } from "../pages/NotFound";
import { LoggedOut, TimedOut } from "../pages/SessionEnd";
import { UnavailablePage } from "../pages/Unavailable";
import { Welcome } from "../pages/Welcome";
import { useFacts } from "./facts";
import { LazyPage, pageCode } from "./LazyPage";
import { Loading } from "./Loading";
import { isPrivate } from "./route";
import { SessionWatch } from "./SessionWatch";
import { Shell } from "./Shell";
import { useSite } from "./site";

const activity = pageCode(() => import("../pages/activity").then((module) => module.Activity));
const home = pageCode(() => import("../pages/Home").then((module) => module.Home));
const changePassword = pageCode(() =>
  import("../pages/ChangePassword").then((module) => module.ChangePassword),
);
const changeUnit = pageCode(() => import("../pages/unit").then((module) => module.ChangeUnit));
const help = pageCode(() => import("../pages/Help").then((module) => module.Help));
const unitChanged = pageCode(() => import("../pages/unit").then((module) => module.UnitChanged));

/** The site. */
export function App() {
  return (
    <Shell>
      <Current />
      <SessionWatch />
    </Shell>
  );
}

/** Shows the page at the present address, or the page that must come before it. */
function Current() {
  const { route, account, look, go, wanted } = useSite();
  const { settled } = useFacts();
  const asks = route !== undefined && (isPrivate(route) || route === "login") && account.kind === "unknown";
  useEffect(() => {
    if (asks) {
      void look(route === "login");
    }
  }, [asks, look, route]);

  const elsewhere = placeInstead(route, account);
  useEffect(() => {
    if (elsewhere === "login" && route) {
      wanted.current = route;
      go("login", { replace: true, word: "needed" });
    } else if (elsewhere) {
      go(elsewhere, { replace: true });
    }
  }, [elsewhere, go, route, wanted]);

  if (elsewhere || !settled) {
    return <Loading />;
  }
  switch (route) {
    case undefined:
      return <NotFound />;
    case "welcome":
      return <Welcome />;
    case "login":
      return <Login />;
    case "loggedOut":
      return <LoggedOut />;
    case "timedOut":
      return <TimedOut />;
    case "help":
      return <LazyPage code={help} props={{}} />;
    case "unitChanged":
      return <LazyPage code={unitChanged} props={{}} />;
    default:
  }
  if (account.kind === "failed") {
    return <UnavailablePage failure={account.failure} again={() => look(false)} />;
  }
  if (account.kind !== "live") {
    return <Loading />;
  }
  const { session, instead } = account;
  if (instead) {
    return <AnotherAccount now={session.accountNumber} instead={instead} />;
  }
  switch (route) {
    case "account":
      return <LazyPage code={home} props={{ session }} />;
    case "activity":
      return <LazyPage code={activity} props={{ session }} />;
    case "password":
      return <LazyPage code={changePassword} props={{ session }} />;
    case "unit":
    case "unitCheck":
      return <LazyPage code={changeUnit} props={{ session, step: route === "unit" ? "choose" : "check" }} />;
  }
}

/** Returns the page to which the subscriber must go instead, if there is one (LOGIN-1, PW-4). */
function placeInstead(
  route: Site["route"],
  account: Site["account"],
): "login" | "account" | "password" | undefined {
  if (account.kind === "none" && route && isPrivate(route)) {
    return "login";
  }
  if (account.kind === "live") {
    if (route === "login") {
      return "account";
    }
    const demanded = account.session.mustChangeReason !== MustChangeReason.UNSPECIFIED;
    if (demanded && route && isPrivate(route) && route !== "password") {
      return "password";
    }
  }
  return undefined;
}

type Site = ReturnType<typeof useSite>;

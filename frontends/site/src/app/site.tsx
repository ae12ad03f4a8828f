// What every page stands on: where the reader is, and the session.

import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { subscriber } from "../api/client";
import { serverNow } from "../api/clock";
import { type Failure, isSessionOver } from "../api/failure";
import { persist } from "../api/patience";
import type { Session } from "../gen/aikagi/authentication/v1/session_pb";
import type { Login } from "../gen/aikagi/units/v1/migration_pb";
import { isPrivate, PATHS, type Route, routeAt } from "./route";
import type { Account } from "./session";

/** A word that a page leaves for the next one. */
export type Word = "needed" | "changed" | "changedLogIn" | undefined;

/** What every page stands on. */
export interface Site {
  route: Route | undefined;
  /** Goes to a page; `replace` leaves no way back to this one. */
  go: (route: Route, options?: { replace?: boolean; word?: Word }) => void;
  word: Word;
  account: Account;
  /** The session as it was answered. */
  keep: (session: Session) => void;
  /** There is no session any more, or never was. */
  forget: () => void;
  /** The session was found ended: says so, and remembers the way back. */
  ended: () => void;
  /** Asks for the session; only looks when `peek`. */
  look: (peek: boolean) => Promise<Failure | undefined>;
  /** Where the reader wanted to be before logging in. */
  wanted: { current: Route | undefined };
  /** The telephone number last typed at login, for the next time; in memory only. */
  lastNumber: { current: string };
  /** MIG-6: who logs in after the change of unit that this window made; in memory only. */
  changedLogins: { current: Login[] | undefined };
}

const Context = createContext<Site | undefined>(undefined);

/** Tells this browser's other windows to look at the session again; holds nothing but that. */
const CHANNEL = "aikagi-session";

function announce(): void {
  if (typeof BroadcastChannel !== "undefined") {
    const channel = new BroadcastChannel(CHANNEL);
    channel.postMessage("look");
    channel.close();
  }
}

/** Gives its children the site. */
export function SiteProvider({ children }: { children: ReactNode }) {
  const [at, setAt] = useState<{ route: Route | undefined; word: Word }>(() => ({
    route: routeAt(location.pathname),
    word: undefined,
  }));
  const [account, setAccount] = useState<Account>({ kind: "unknown" });
  const wanted = useRef<Route>(undefined);
  const lastNumber = useRef("");
  const changedLogins = useRef<Login[]>(undefined);
  const current = useRef({ at, account });
  current.current = { at, account };

  useEffect(() => {
    const moved = () => setAt({ route: routeAt(location.pathname), word: undefined });
    addEventListener("popstate", moved);
    return () => removeEventListener("popstate", moved);
  }, []);

  const go = useCallback<Site["go"]>((route, options) => {
    const path = PATHS[route];
    if (options?.replace || location.pathname === path) {
      history.replaceState(null, "", path);
    } else {
      history.pushState(null, "", path);
    }
    (document.activeElement as HTMLElement | null)?.blur();
    setAt({ route, word: options?.word });
  }, []);
  const keep = useCallback((session: Session) => {
    setAccount({ kind: "live", session, seen: serverNow() });
  }, []);
  const forget = useCallback(() => {
    setAccount({ kind: "none" });
    announce();
  }, []);
  const ended = useCallback(() => {
    const { route } = current.current.at;
    // Two may find the end at once: the second finds the reader on the page that says so.
    if (route && isPrivate(route)) {
      wanted.current = route;
    }
    setAccount({ kind: "none" });
    go("timedOut", { replace: true });
  }, [go]);

  const look = useCallback<Site["look"]>(
    async (peek) => {
      const { at: before, account: known } = current.current;
      const wasLive = known.kind === "live";
      // Who comes to log in does not care how an earlier session ended.
      const cares = before.route !== undefined && isPrivate(before.route);
      const { answer, failure } = await persist(() => subscriber.getSession({ peek }));
      if (answer?.session) {
        setAccount({ kind: "live", session: answer.session, seen: serverNow() });
        return undefined;
      }
      if (!failure) {
        return undefined;
      }
      if (!isSessionOver(failure)) {
        if (!wasLive) {
          setAccount({ kind: "failed", failure });
        }
      } else if (wasLive || (cares && failure.reason === "SESSION_ENDED")) {
        ended();
      } else {
        setAccount({ kind: "none" });
      }
      return failure;
    },
    [ended],
  );

  const site = useMemo(
    () => ({ ...at, go, account, keep, forget, ended, look, wanted, lastNumber, changedLogins }),
    [at, go, account, keep, forget, ended, look],
  );
  useOtherWindows(site);
  return <Context.Provider value={site}>{children}</Context.Provider>;
}

/** A session can end in another window, or while this one was put away: then it is looked at again. */
function useOtherWindows({ account, look }: Site): void {
  const live = account.kind === "live";
  useEffect(() => {
    if (!live) {
      return undefined;
    }
    const again = () => void look(true);
    const shown = (event: PageTransitionEvent) => event.persisted && again();
    const seen = () => document.visibilityState === "visible" && again();
    const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(CHANNEL);
    channel?.addEventListener("message", again);
    addEventListener("pageshow", shown);
    document.addEventListener("visibilitychange", seen);
    return () => {
      channel?.close();
      removeEventListener("pageshow", shown);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [live, look]);
}

/** The site. */
export function useSite(): Site {
  const site = useContext(Context);
  if (!site) {
    throw new Error("outside of SiteProvider");
  }
  return site;
}

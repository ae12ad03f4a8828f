// The state that all pages share: the route and the session.

import { timestampMs } from "@bufbuild/protobuf/wkt";
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
import { learnSessionTime, serverNow } from "../api/clock";
import { type Failure, isSessionOver } from "../api/failure";
import { callWithRetries } from "../api/retry";
import type { Session } from "../gen/aikagi/authentication/v1/session_pb";
import type { Login } from "../gen/aikagi/units/v1/migration_pb";
import { isPrivate, PATHS, type Route, routeAt } from "./route";
import type { Account } from "./session";

/** A message that the next page shows: log in first, password changed, or password changed but log in again. */
export type Word = "needed" | "changed" | "changedLogIn" | undefined;

/** The state that all pages share. */
export interface Site {
  route: Route | undefined;
  /** Goes to a page. With `replace`, the back button does not return to the present page. */
  go: (route: Route, options?: { replace?: boolean; word?: Word }) => void;
  word: Word;
  account: Account;
  /** Stores the session from a response, and notifies other windows. */
  keep: (session: Session) => void;
  /** SITE-7: continues with the account that has logged in since the page was shown. */
  follow: () => void;
  /** Records that there is no session, and notifies other windows. */
  forget: () => void;
  /** Records and shows that the session has ended. Remembers the present page for the next login. */
  ended: () => void;
  /** Gets the session from the server. With `peek`, the request does not extend the session (SESS-1). */
  look: (peek: boolean) => Promise<Failure | undefined>;
  /** The page that the subscriber opened before the login. The login leads to it. */
  wanted: { current: Route | undefined };
  /** The telephone number that was last typed at login. The next login form contains it. It is only in memory. */
  lastNumber: { current: string };
  /** MIG-6: the logins after a unit migration that was made in this window. They are only in memory. */
  changedLogins: { current: Login[] | undefined };
}

const Context = createContext<Site | undefined>(undefined);

/** The channel to other windows of this browser. A message means: get the session again. It carries no data. */
const CHANNEL = "aikagi-session";

const channel = openChannel();

/** Opens the channel. Returns undefined in a browser that blocks cookies, because it forbids channels too. */
function openChannel(): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(CHANNEL);
  } catch {
    return undefined;
  }
}

function announce(): void {
  channel?.postMessage("look");
}

/**
 * Converts a session from a response. If the page has shown another account until now, the result contains that account
 * as `instead` (SITE-7).
 */
function live(session: Session, before?: Account): Account {
  if (session.serverTime) {
    learnSessionTime(timestampMs(session.serverTime));
  }
  const shown = before?.kind === "live" ? (before.instead ?? before.session.accountNumber) : undefined;
  const instead = shown === session.accountNumber ? undefined : shown;
  return { kind: "live", session, seen: serverNow(), instead };
}

/** Provides the shared state to its children. */
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
    const { route } = current.current.at;
    if (route && location.pathname !== PATHS[route]) {
      history.replaceState(null, "", PATHS[route]);
    }
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
    setAccount(live(session));
    announce();
  }, []);
  const follow = useCallback(() => {
    setAccount((now) => (now.kind === "live" ? { ...now, instead: undefined } : now));
  }, []);
  const forget = useCallback(() => {
    setAccount({ kind: "none" });
    announce();
  }, []);
  const ended = useCallback(() => {
    const { route } = current.current.at;
    // Two parallel requests may both find that the session has ended. For the second one, the route is already public.
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
      // A public page, such as the login, does not show that an earlier session has ended.
      const cares = before.route !== undefined && isPrivate(before.route);
      const { response, failure } = await callWithRetries(() => subscriber.getSession({ peek }));
      if (response?.session) {
        const found = response.session;
        setAccount((now) => live(found, now));
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
    () => ({ ...at, go, account, keep, follow, forget, ended, look, wanted, lastNumber, changedLogins }),
    [at, go, account, keep, follow, forget, ended, look],
  );
  useOtherWindows(site);
  return <Context.Provider value={site}>{children}</Context.Provider>;
}

/** Gets the session again when another window reports a change, and when this window becomes visible. */
function useOtherWindows({ account, look }: Site): void {
  const live = account.kind === "live";
  useEffect(() => {
    if (!live) {
      return undefined;
    }
    const again = () => void look(true);
    const shown = (event: PageTransitionEvent) => event.persisted && again();
    const seen = () => document.visibilityState === "visible" && again();
    channel?.addEventListener("message", again);
    addEventListener("pageshow", shown);
    document.addEventListener("visibilitychange", seen);
    return () => {
      channel?.removeEventListener("message", again);
      removeEventListener("pageshow", shown);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [live, look]);
}

/** Returns the shared state. */
export function useSite(): Site {
  const site = useContext(Context);
  if (!site) {
    throw new Error("useSite was called outside of SiteProvider");
  }
  return site;
}

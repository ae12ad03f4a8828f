import { type ReactNode, useEffect, useState } from "react";
import { subscriber } from "../api/client";
import { callOnce } from "../api/retry";
import { useTexts } from "../texts/language";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import { Notice } from "../ui/Notice";
import { useFacts } from "./facts";
import { useSite } from "./site";

/** The frame of every page: header, connection notice, footer. */
export function Shell({ children }: { children: ReactNode }) {
  const { texts, language, choose } = useTexts();
  const { account, route } = useSite();
  const { profile, settled } = useFacts();
  const other = language === "ja" ? "en" : "ja";
  return (
    <>
      <a className="skip" href="#content">
        {texts.skip}
      </a>
      <header className="top">
        <div className="width">
          <Link to={account.kind === "live" ? "account" : "welcome"} className="brand">
            <span className="seal" aria-hidden="true">
              <Icon name="key" />
            </span>
            <span>
              {settled && <b>{profile.operator ?? texts.product}</b>}{" "}
              <span className="brand-name">{settled ? (profile.site ?? texts.name) : texts.name}</span>
            </span>
          </Link>
          <nav>
            <button type="button" className="quiet" lang={other} onClick={() => choose(other)}>
              {texts.otherLanguage}
            </button>
            {account.kind === "live" && <LogOut />}
            {account.kind !== "live" && route !== "login" && (
              <Link to="login" className="button quiet">
                {texts.common.logIn}
              </Link>
            )}
          </nav>
        </div>
      </header>
      <main id="content" tabIndex={-1} className="width">
        <Connection />
        {children}
      </main>
      <footer>
        <div className="width">
          <p>{texts.footer}</p>
          {profile.contact && <p>{profile.contact}</p>}
          <p>
            <Link to="help">{texts.help.title}</Link>
          </p>
        </div>
      </footer>
    </>
  );
}

function LogOut() {
  const { texts } = useTexts();
  const { go, forget } = useSite();
  const [failed, setFailed] = useState(false);
  const logOut = async () => {
    setFailed(false);
    const { failure } = await callOnce(() => subscriber.logout({}));
    if (failure) {
      setFailed(true);
    } else {
      go("loggedOut", { replace: true });
      forget();
    }
  };
  return (
    <>
      <button type="button" className="quiet" onClick={() => void logOut()}>
        {texts.common.logOut}
      </button>
      {failed && (
        <p className="toast" role="alert">
          {texts.account.logoutFailed}
        </p>
      )}
    </>
  );
}

/**
 * Shows a notice when the browser goes offline, and when it is online again. The first state is "online", because the
 * page has just loaded. `navigator.onLine` would be wrong for a browser that can reach only this site.
 */
function Connection() {
  const { texts } = useTexts();
  const [state, setState] = useState<"on" | "off" | "again">("on");
  useEffect(() => {
    const off = () => setState("off");
    const on = () => setState("again");
    addEventListener("offline", off);
    addEventListener("online", on);
    return () => {
      removeEventListener("offline", off);
      removeEventListener("online", on);
    };
  }, []);
  useEffect(() => {
    if (state !== "again") {
      return undefined;
    }
    const timer = setTimeout(() => setState("on"), 5000);
    return () => clearTimeout(timer);
  }, [state]);
  return (
    <div role="status">
      {state === "off" && <Notice tone="warn">{texts.offline.now}</Notice>}
      {state === "again" && <Notice tone="good">{texts.offline.again}</Notice>}
    </div>
  );
}

import { useEffect, useRef, useState } from "react";
import { useTexts } from "../texts/language";
import { type Life, lifeOf } from "./session";
import { useSite } from "./site";

const TICK_MS = 1000;
/**
 * SITE-6: the shortest and the longest pause between two requests that check whether the session has ended, in
 * milliseconds. Each pause is twice the previous one, up to the longest.
 */
const SHORTEST_PAUSE = 2_000;
const LONGEST_PAUSE = 60_000;

/**
 * SESS-1: shows a warning before the session ends, and leaves the page when it has ended. The requests that check the
 * session do not extend it.
 */
export function SessionWatch() {
  const { account, look, ended } = useSite();
  const [life, setLife] = useState<Life>();
  const asking = useRef(false);
  const pause = useRef({ until: 0, next: SHORTEST_PAUSE });

  useEffect(() => {
    if (account.kind !== "live") {
      setLife(undefined);
      return undefined;
    }
    const { session, seen } = account;
    const tick = () => {
      const now = lifeOf(session, seen);
      setLife(now.warn ? now : undefined);
      if (now.left > 0) {
        pause.current = { until: 0, next: SHORTEST_PAUSE };
        return;
      }
      if (!asking.current && performance.now() >= pause.current.until) {
        // Another window may have extended the session, so ask the server.
        asking.current = true;
        const { next } = pause.current;
        pause.current = { until: performance.now() + next, next: Math.min(2 * next, LONGEST_PAUSE) };
        void look(true).then((failure) => {
          asking.current = false;
          if (failure && lifeOf(session, seen).left <= 0) {
            ended();
          }
        });
      }
    };
    tick();
    const timer = setInterval(tick, TICK_MS);
    return () => clearInterval(timer);
  }, [account, look, ended]);

  return life ? <Warning life={life} stay={() => look(false)} /> : null;
}

function Warning({ life, stay }: { life: Life; stay: () => Promise<unknown> }) {
  const { texts } = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  const [failed, setFailed] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.focus();
  }, []);
  const seconds = Math.max(0, Math.ceil(life.left / 1000));
  const go = async () => {
    setBusy(true);
    setFailed(false);
    setFailed(Boolean(await stay()));
    setBusy(false);
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby="warning-title"
      aria-describedby="warning-text"
      onCancel={(event) => {
        event.preventDefault();
        void go();
      }}
    >
      <h2 id="warning-title">{texts.warning.title}</h2>
      <p id="warning-text">{life.canStay ? texts.warning.text : texts.warning.longest}</p>
      <p className="countdown" role="timer">
        {texts.warning.left(seconds)}
      </p>
      {failed && <p role="alert">{texts.warning.failed}</p>}
      {life.canStay && (
        <button type="button" className="primary" onClick={() => void go()} aria-disabled={busy}>
          {texts.warning.stay}
        </button>
      )}
    </dialog>
  );
}

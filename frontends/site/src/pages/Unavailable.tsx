import { useEffect, useState } from "react";
import type { Failure } from "../api/failure";
import { useTexts } from "../texts/language";
import { Icon } from "../ui/Icon";
import { Page } from "../ui/Page";

const BUSY: ReadonlySet<string> = new Set(["OVERLOADED", "TOO_MANY_ATTEMPTS"]);

/**
 * Shown instead of a page if the system is overloaded or unavailable, or if the browser is offline. Tries again when
 * the browser is online again.
 */
export function UnavailablePage({ failure, again }: { failure: Failure; again: () => Promise<unknown> }) {
  const { texts } = useTexts();
  const [trying, setTrying] = useState(false);
  const words = BUSY.has(failure.reason) ? texts.overloaded : texts.unavailable;
  const tryAgain = async () => {
    setTrying(true);
    await again();
    setTrying(false);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the listener uses the state at that moment
  useEffect(() => {
    addEventListener("online", tryAgain);
    return () => removeEventListener("online", tryAgain);
  }, []);
  return (
    <Page
      title={words.title}
      lead={failure.reason === "OFFLINE" ? texts.reasons.OFFLINE : words.text}
      className="trouble"
    >
      <div className="emblem" aria-hidden="true">
        <Icon name={failure.reason === "OFFLINE" ? "offline" : "clock"} />
      </div>
      {failure.retryAfter !== undefined && <p>{texts.common.tryAgainIn(failure.retryAfter)}</p>}
      <button type="button" className="primary" aria-disabled={trying} onClick={() => void tryAgain()}>
        {trying ? texts.common.working : texts.common.tryAgain}
      </button>
    </Page>
  );
}

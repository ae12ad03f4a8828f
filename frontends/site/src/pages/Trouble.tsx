import { useEffect, useState } from "react";
import type { Failure } from "../api/failure";
import { useTexts } from "../texts/language";
import { Icon } from "../ui/Icon";
import { Page } from "../ui/Page";

const BUSY: ReadonlySet<string> = new Set(["OVERLOADED", "TOO_MANY_ATTEMPTS"]);

/** Nothing can be shown: overloaded, unavailable or offline. Comes back by itself when the connection does. */
export function TroublePage({ failure, again }: { failure: Failure; again: () => Promise<unknown> }) {
  const { texts } = useTexts();
  const [trying, setTrying] = useState(false);
  const words = BUSY.has(failure.reason) ? texts.overloaded : texts.unavailable;
  const tryAgain = async () => {
    setTrying(true);
    await again();
    setTrying(false);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: tried again with what there is at that moment
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

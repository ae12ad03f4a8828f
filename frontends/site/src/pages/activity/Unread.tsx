import { useRef, useState } from "react";
import type { Failure } from "../../api/failure";
import { useTexts } from "../../texts/language";
import { Notice } from "../../ui/Notice";
import { wordsOf } from "../../ui/words";

/**
 * Shown in place of a list that could not be read. The subscriber can try again. If that succeeds, the heading with the id
 * `heading` gets the focus, because the button is gone.
 */
export function Unread({
  failure,
  heading,
  again,
}: {
  failure: Failure;
  heading: string;
  again: () => Promise<void>;
}) {
  const { texts, language } = useTexts();
  const [trying, setTrying] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const tryAgain = async () => {
    setTrying(true);
    await again();
    setTrying(false);
    requestAnimationFrame(() => button.current ?? document.getElementById(heading)?.focus());
  };
  return (
    <>
      <div role="alert">
        <Notice tone="bad">{wordsOf(failure, texts, language)}</Notice>
      </div>
      <button ref={button} type="button" aria-disabled={trying} onClick={() => trying || void tryAgain()}>
        {trying ? texts.common.working : texts.common.tryAgain}
      </button>
    </>
  );
}

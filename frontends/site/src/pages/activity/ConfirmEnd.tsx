import { useEffect, useRef } from "react";
import type { ActivityTexts } from "../../texts/activity/ja";

/** Asks the subscriber before all other sessions end. The focus is first on the button that changes nothing. */
export function ConfirmEnd({
  words,
  confirmed,
  cancelled,
}: {
  words: ActivityTexts["sessions"]["confirm"];
  confirmed: () => void;
  cancelled: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    no.current?.focus();
    return () => before?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="confirm-title"
      aria-describedby="confirm-text"
      onCancel={(event) => {
        event.preventDefault();
        cancelled();
      }}
    >
      <h2 id="confirm-title">{words.title}</h2>
      <p id="confirm-text">{words.text}</p>
      <div className="choices">
        <button type="button" className="primary" onClick={confirmed}>
          {words.yes}
        </button>
        <button type="button" ref={no} onClick={cancelled}>
          {words.no}
        </button>
      </div>
    </dialog>
  );
}

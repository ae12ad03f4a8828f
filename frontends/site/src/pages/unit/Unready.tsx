import { useState } from "react";
import type { Failure } from "../../api/failure";
import { showNumber } from "../../app/number";
import type { PreviewMigrationResponse } from "../../gen/aikagi/edge/v1/subscriber_service_pb";
import { useTexts } from "../../texts/language";
import { Link } from "../../ui/Link";
import { Notice } from "../../ui/Notice";
import { SettingNumber } from "../../ui/SettingNumber";
import { wordsOf } from "../../ui/words";
import { idAt } from "./Passwords";

/** MIG-5: lists the accounts without a live permanent password, and explains how to set one. */
export function Unready({
  preview,
  looked,
  lookAgain,
}: {
  preview: PreviewMigrationResponse;
  /** Set after the subscriber has pressed the button, if the request has failed or accounts are still not ready. */
  looked: { failure: Failure | undefined } | undefined;
  lookAgain: () => Promise<void>;
}) {
  const { texts, language } = useTexts();
  const words = texts.unit;
  const [busy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    await lookAgain();
    setBusy(false);
  };
  return (
    <section className="card" aria-labelledby="unready">
      <h2 id="unready">{words.unready}</h2>
      <p>{words.unreadyText}</p>
      <ul className="logins">
        {preview.unreadyNumbers.map((number) => (
          // The error summary links to this item.
          <li key={number} id={idAt(preview.requiredNumbers.indexOf(number))} tabIndex={-1}>
            <b className="number">{showNumber(number)}</b>
          </li>
        ))}
      </ul>
      <div role="status">
        {looked && (
          <Notice tone={looked.failure ? "bad" : "info"}>
            {looked.failure ? wordsOf(looked.failure, texts, language) : words.stillUnready}
          </Notice>
        )}
      </div>
      <p className="actions">
        <button type="button" className="primary" aria-disabled={busy} onClick={() => void look()}>
          {busy ? texts.common.working : words.lookAgain}
        </button>
      </p>
      <SettingNumber />
      <p>
        <Link to="welcome">{words.unreadyHow}</Link>
      </p>
    </section>
  );
}

import { useEffect, useState } from "react";
import { type Failure, isSessionOver } from "../../api/failure";
import { unitName } from "../../app/names";
import { useSite } from "../../app/site";
import type { Session } from "../../gen/aikagi/authentication/v1/session_pb";
import type { PreviewMigrationResponse } from "../../gen/aikagi/edge/v1/subscriber_service_pb";
import { useTexts } from "../../texts/language";
import { ErrorSummary } from "../../ui/ErrorSummary";
import { Link } from "../../ui/Link";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { Logins } from "./Logins";
import { idAt, Passwords } from "./Passwords";
import type { Plan } from "./plan";
import { Unready } from "./Unready";
import { useUnitMigration } from "./useUnitMigration";

/**
 * The second page of a unit migration. It shows the change and the logins after it. Below, it asks for the passwords,
 * or lists the accounts that have no permanent password (MIG-2, MIG-5).
 */
export function CheckChange({
  session,
  plan,
  replan,
  passwords,
  type,
}: {
  session: Session;
  plan: Plan;
  replan: (preview: PreviewMigrationResponse) => void;
  passwords: Record<string, string>;
  type: (number: string, password: string) => void;
}) {
  const { texts } = useTexts();
  const words = texts.unit;
  const { ended } = useSite();
  const [looked, setLooked] = useState<{ failure: Failure | undefined }>();
  const { form, lost, over, lookAgain } = useUnitMigration({ session, plan, replan, passwords });
  const { preview } = plan;
  const ready = preview.unreadyNumbers.length === 0;
  useEffect(() => {
    // The password fields have replaced the button that had the focus, so move the focus to the first field.
    if (looked && ready) {
      document.getElementById(idAt(0))?.focus();
    }
  }, [looked, ready]);
  const look = async () => {
    setLooked(undefined);
    const failure = await lookAgain();
    if (failure && isSessionOver(failure)) {
      ended();
    } else {
      setLooked({ failure });
    }
  };
  const from = texts.units[unitName(session.unit)];
  const to = texts.units[unitName(plan.unit)];

  const more = (lost || over) && (
    <>
      <p>{over ? words.over : words[lost ?? "notDone"]}</p>
      {(over || lost === "perhaps") && (
        <p>
          <a href="/login">{texts.loggedOut.again}</a>
        </p>
      )}
    </>
  );
  return (
    <Page title={words.checkTitle} lead={words.checkLead} className="narrow">
      <ErrorSummary form={form} more={more} />
      <section className="card" aria-labelledby="change">
        <h2 id="change">{words.change}</h2>
        <dl className="facts">
          <dt>{words.now}</dt>
          <dd>{from.name}</dd>
          <dt>{words.choose}</dt>
          <dd>
            {to.name}
            <small>{to.about}</small>
          </dd>
        </dl>
        <h2>{words.after}</h2>
        <p className="hint">{words.afterText}</p>
        <Logins logins={preview.logins} />
        <Notice tone="warn">{words.warning}</Notice>
      </section>
      {over ? null : !ready ? (
        <Unready preview={preview} looked={looked} lookAgain={look} />
      ) : (
        <Passwords
          own={session.accountNumber}
          numbers={preview.requiredNumbers}
          passwords={passwords}
          type={type}
          form={form}
        />
      )}
      <p>
        <Link to="unit">{words.reselect}</Link>
      </p>
    </Page>
  );
}

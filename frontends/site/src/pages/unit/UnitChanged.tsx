import { useEffect } from "react";
import { useSite } from "../../app/site";
import { useTexts } from "../../texts/language";
import { Link } from "../../ui/Link";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { Logins } from "./Logins";

/**
 * MIG-6: shown after a unit migration, with the new logins. After a reload the logins are lost, so the page leads to
 * the login.
 */
export function UnitChanged() {
  const { texts } = useTexts();
  const { go, changedLogins } = useSite();
  const logins = changedLogins.current;
  useEffect(() => {
    if (!logins) {
      go("login", { replace: true });
    }
  }, [logins, go]);
  if (!logins) {
    return null;
  }
  return (
    <Page title={texts.unit.doneTitle} lead={texts.unit.done} className="narrow">
      <section className="card" aria-label={texts.unit.after}>
        <Logins logins={logins} />
        {logins.length > 1 && <Notice tone="info">{texts.unit.tell}</Notice>}
        <Link to="login" className="button primary">
          {texts.common.logIn}
        </Link>
      </section>
    </Page>
  );
}

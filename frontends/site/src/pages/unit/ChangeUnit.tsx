import { useEffect, useState } from "react";
import { Loading } from "../../app/Loading";
import { useSite } from "../../app/site";
import { offered } from "../../app/unit_migration";
import type { Session } from "../../gen/aikagi/authentication/v1/session_pb";
import type { AuthUnit } from "../../gen/aikagi/units/v1/unit_pb";
import { useTexts } from "../../texts/language";
import { Link } from "../../ui/Link";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { CheckChange } from "./CheckChange";
import { ChooseUnit } from "./ChooseUnit";
import type { Plan } from "./plan";

/**
 * The unit migration (section 6 of the specification). It has two pages: one to choose a unit, and one to check the
 * change and type the passwords. The choice and the passwords are only in memory. They stay there while the subscriber
 * goes back and forth between the two pages.
 */
export function ChangeUnit({ session, step }: { session: Session; step: "choose" | "check" }) {
  const { texts } = useTexts();
  const { go } = useSite();
  const [unit, setUnit] = useState<AuthUnit>();
  const [plan, setPlan] = useState<Plan>();
  const [passwords, setPasswords] = useState<Record<string, string>>({});
  const units = offered(session.unit);

  // A reload on the second page deletes the plan, so the subscriber must choose again.
  const lost = step === "check" && (!plan || !units.includes(plan.unit));
  useEffect(() => {
    if (lost) {
      go("unit", { replace: true });
    }
  }, [lost, go]);

  if (units.length === 0) {
    return (
      <Page title={texts.unit.title}>
        <Notice tone="info">{texts.account.unitFixed}</Notice>
        <p>
          <Link to="account">{texts.common.back}</Link>
        </p>
      </Page>
    );
  }
  if (lost) {
    return <Loading />;
  }
  if (step === "check" && plan) {
    return (
      <CheckChange
        session={session}
        plan={plan}
        replan={(preview) => setPlan({ ...plan, preview })}
        passwords={passwords}
        type={(number, password) => setPasswords((all) => ({ ...all, [number]: password }))}
      />
    );
  }
  return <ChooseUnit session={session} units={units} unit={unit} choose={setUnit} planned={setPlan} />;
}

import { useEffect, useState } from "react";
import { Loading } from "../../app/Loading";
import { offered } from "../../app/migration";
import { useSite } from "../../app/site";
import type { Session } from "../../gen/aikagi/authentication/v1/session_pb";
import type { AuthUnit } from "../../gen/aikagi/units/v1/unit_pb";
import { useTexts } from "../../texts/language";
import { Link } from "../../ui/Link";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { Check } from "./Check";
import { Choose } from "./Choose";
import type { Plan } from "./plan";

/**
 * Changing the auth unit (section 6 of the specification), in two pages: choosing, then checking and typing the
 * passwords. What was chosen and typed stays in memory while the reader goes back and forth, and nowhere else.
 */
export function ChangeUnit({ session, step }: { session: Session; step: "choose" | "check" }) {
  const { texts } = useTexts();
  const { go } = useSite();
  const [unit, setUnit] = useState<AuthUnit>();
  const [plan, setPlan] = useState<Plan>();
  const [passwords, setPasswords] = useState<Record<string, string>>({});
  const units = offered(session.unit);

  // A reload in the middle forgets the plan: the reader chooses again.
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
      <Check
        session={session}
        plan={plan}
        replan={(preview) => setPlan({ ...plan, preview })}
        passwords={passwords}
        type={(number, password) => setPasswords((all) => ({ ...all, [number]: password }))}
      />
    );
  }
  return <Choose session={session} units={units} unit={unit} choose={setUnit} planned={setPlan} />;
}

import { useFacts } from "../app/facts";
import { useTexts } from "../texts/language";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";
import { SettingNumber } from "../ui/SettingNumber";

const KEYS = ["LINE", "NUMBER", "ADMIN_USER"] as const;

/** Explains the site, and how to get a temporary password (section 2 of the specification). */
export function Welcome() {
  const { texts } = useTexts();
  const { policy } = useFacts();
  const { welcome } = texts;
  return (
    <Page title={welcome.title} heading={welcome.heading} lead={welcome.lead} className="welcome">
      <p className="actions">
        <Link to="login" className="button primary">
          {welcome.start}
        </Link>
      </p>
      <section className="card" aria-labelledby="how">
        <h2 id="how">
          <Icon name="phone" />
          {welcome.how}
        </h2>
        <p>{welcome.howLead}</p>
        <SettingNumber />
        <ol className="steps">
          {welcome.steps(policy).map((step) => (
            <li key={step.title}>
              <h3>{step.title}</h3>
              <p>{step.text}</p>
            </li>
          ))}
        </ol>
        {policy && <p>{welcome.wrongKeys(policy.invalidEntries)}</p>}
        <Notice tone="warn">{welcome.note}</Notice>
      </section>
      <section className="card" aria-labelledby="units">
        <h2 id="units">{welcome.units}</h2>
        <dl className="keys">
          {KEYS.map((unit, index) => (
            <div key={unit}>
              <dt>
                <kbd>{index + 1}</kbd>
                {texts.units[unit].name}
              </dt>
              <dd>{texts.units[unit].about}</dd>
            </div>
          ))}
        </dl>
      </section>
    </Page>
  );
}

import { timestampMs } from "@bufbuild/protobuf/wkt";
import { roleName, unitName } from "../app/names";
import { showNumber } from "../app/number";
import { daysUntil } from "../app/session";
import { useSite } from "../app/site";
import { offered } from "../app/unit_migration";
import type { Session } from "../gen/aikagi/authentication/v1/session_pb";
import { useTexts } from "../texts/language";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import { Notice } from "../ui/Notice";
import { Numbers } from "../ui/Numbers";
import { Page } from "../ui/Page";
import { Services } from "./Services";

/** The page shows a notice if the password expires within this number of days. */
const SOON_DAYS = 7;

/** The page of the account. It also shows facts that help a subscriber to notice misuse (SESS-6). */
export function Home({ session }: { session: Session }) {
  const { texts, moment } = useTexts();
  const { word } = useSite();
  const { account: words } = texts;
  const number = showNumber(session.accountNumber);
  const days = session.passwordExpireTime && daysUntil(session.passwordExpireTime);
  return (
    <Page title={words.title} heading={words.hello(number)} className="home">
      {word === "changed" && (
        <Notice tone="good" live>
          {words.changed}
        </Notice>
      )}
      {session.wrongAttempts > 0 && <Notice tone="warn">{words.wrongNotice(session.wrongAttempts)}</Notice>}
      {days !== undefined && days <= SOON_DAYS && <Notice tone="warn">{words.expiryNotice(days)}</Notice>}
      <div className="columns">
        <section className="card" aria-labelledby="who">
          <h2 id="who">
            <Icon name="key" />
            {words.who}
          </h2>
          <dl className="facts">
            <dt>{words.account}</dt>
            <dd className="number">{number}</dd>
            <dt>{words.role}</dt>
            <dd>{texts.roles[roleName(session.role)]}</dd>
            <dt>{words.unit}</dt>
            <dd>
              {texts.units[unitName(session.unit)].name}
              <small>{texts.units[unitName(session.unit)].about}</small>
            </dd>
            <dt>{words.scope}</dt>
            <dd>
              {session.scopeNumbers.length === 0 && words.noScope}
              <Numbers numbers={session.scopeNumbers} />
            </dd>
          </dl>
          {offered(session.unit).length > 0 ? (
            <Link to="unit" className="button">
              {words.changeUnit}
            </Link>
          ) : (
            <p className="hint">{words.unitFixed}</p>
          )}
        </section>
        <section className="card" aria-labelledby="security">
          <h2 id="security">
            <Icon name="check" />
            {words.security}
          </h2>
          <dl className="facts">
            <dt>{words.lastLogin}</dt>
            <dd>{session.lastLoginTime ? moment(timestampMs(session.lastLoginTime)) : words.never}</dd>
            <dt>{words.wrong}</dt>
            <dd>{words.wrongCount(session.wrongAttempts)}</dd>
            {session.passwordExpireTime && days !== undefined && (
              <>
                <dt>{words.expiry}</dt>
                <dd>
                  {words.expiryDays(days)}
                  <small>{moment(timestampMs(session.passwordExpireTime))}</small>
                </dd>
              </>
            )}
          </dl>
          <p>
            <Link to="activity">{words.activity}</Link>
          </p>
          <Link to="password" className="button">
            {words.changePassword}
          </Link>
        </section>
      </div>
      <Services numbers={session.scopeNumbers} />
    </Page>
  );
}

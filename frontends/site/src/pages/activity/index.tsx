import { subscriber } from "../../api/client";
import { Loading } from "../../app/Loading";
import type { Session } from "../../gen/aikagi/authentication/v1/session_pb";
import { AccountRole } from "../../gen/aikagi/units/v1/unit_pb";
import { en } from "../../texts/activity/en";
import { type ActivityTexts, ja } from "../../texts/activity/ja";
import { type Language, useTexts } from "../../texts/language";
import { Link } from "../../ui/Link";
import { Page } from "../../ui/Page";
import { Events } from "./Events";
import { Sessions } from "./Sessions";
import { useList } from "./useList";

const TEXTS: Record<Language, ActivityTexts> = { ja, en };

const listSessions = () => subscriber.listOwnSessions({});
const listEvents = () => subscriber.listOwnEvents({});

/**
 * SITE-10: the page of the account's sessions and last events. It appears when both have been read or could not be
 * read, so that nothing moves.
 */
export function Activity({ session }: { session: Session }) {
  const { texts, language } = useTexts();
  const words = TEXTS[language];
  const sessions = useList(listSessions);
  const events = useList(listEvents);
  if (!sessions.settled || !events.settled) {
    return <Loading />;
  }
  return (
    <Page title={words.title} lead={words.lead} className="activity">
      <Sessions list={sessions} words={words.sessions} changed={events.read} />
      <Events list={events} words={words.events} administers={session.role === AccountRole.ADMINISTRATOR} />
      <div className="actions">
        <Link to="password" className="button">
          {texts.account.changePassword}
        </Link>{" "}
        <Link to="account" className="button quiet">
          {texts.common.back}
        </Link>
      </div>
    </Page>
  );
}

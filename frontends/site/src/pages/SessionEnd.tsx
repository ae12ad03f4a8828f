import { useTexts } from "../texts/language";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import { Page } from "../ui/Page";

/** Shown after a logout. */
export function LoggedOut() {
  const { texts } = useTexts();
  return (
    <Page title={texts.loggedOut.title} lead={texts.loggedOut.text} className="over">
      <div className="emblem" aria-hidden="true">
        <Icon name="door" />
      </div>
      <Link to="login" className="button primary">
        {texts.loggedOut.again}
      </Link>
    </Page>
  );
}

/** Shown after the session has expired, or after another event has ended it (SESS-1, SESS-2). */
export function TimedOut() {
  const { texts } = useTexts();
  return (
    <Page title={texts.timedOut.title} lead={texts.timedOut.text} className="over">
      <div className="emblem" aria-hidden="true">
        <Icon name="clock" />
      </div>
      <p>{texts.timedOut.kept}</p>
      <Link to="login" className="button primary">
        {texts.loggedOut.again}
      </Link>
    </Page>
  );
}

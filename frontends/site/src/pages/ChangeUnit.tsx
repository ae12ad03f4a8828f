import type { Session } from "../gen/aikagi/authentication/v1/session_pb";
import { useTexts } from "../texts/language";
import { Link } from "../ui/Link";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";

/** Changing the auth unit (section 6 of the specification). */
export function ChangeUnit({ session: _session }: { session: Session }) {
  const { texts } = useTexts();
  return (
    <Page title={texts.unit.title} lead={texts.unit.lead}>
      <Notice tone="info">{texts.unit.unknown}</Notice>
      <Link to="account">{texts.common.back}</Link>
    </Page>
  );
}

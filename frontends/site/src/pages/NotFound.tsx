import { useTexts } from "../texts/language";
import { Link } from "../ui/Link";
import { Page } from "../ui/Page";

/** Shown at an unknown address. */
export function NotFound() {
  const { texts } = useTexts();
  return (
    <Page title={texts.notFound.title} lead={texts.notFound.text}>
      <Link to="welcome" className="button primary">
        {texts.notFound.home}
      </Link>
    </Page>
  );
}

import { showNumber } from "../app/number";
import { useSite } from "../app/site";
import { useTexts } from "../texts/language";
import { Page } from "../ui/Page";

/** SITE-7: shown instead of an account's page if another account has logged in with this browser. */
export function AnotherAccount({ now, instead }: { now: string; instead: string }) {
  const { texts } = useTexts();
  const { go, follow } = useSite();
  const words = texts.another;
  return (
    <Page title={words.title} lead={words.text(showNumber(instead), showNumber(now))} className="trouble">
      <button
        type="button"
        className="primary"
        onClick={() => {
          follow();
          go("account", { replace: true });
        }}
      >
        {words.go(showNumber(now))}
      </button>
    </Page>
  );
}

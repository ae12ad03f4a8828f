import type { Failure, Reason } from "../api/failure";
import type { Texts } from "../texts/ja";
import type { Language } from "../texts/language";

/** Reasons whose server text tells what is configured there, such as how many attempts there are. */
const SERVER_KNOWS: ReadonlySet<Reason> = new Set<Reason>(["LOGIN_REFUSED"]);

/** A failure in the reader's words; in the server's for a reason that is newer than this site. */
export function wordsOf(failure: Failure, texts: Texts, language: Language): string {
  const server = failure.foreign || SERVER_KNOWS.has(failure.reason) ? failure.words[language] : undefined;
  const text = server ?? texts.reasons[failure.reason];
  const again = failure.retryAfter ? texts.common.tryAgainIn(failure.retryAfter) : "";
  return again ? `${text} ${again}` : text;
}

import type { Failure, Reason } from "../api/failure";
import type { Texts } from "../texts/ja";
import type { Language } from "../texts/language";

/**
 * Reasons for which the site shows the server's text, because this text contains configured values such as the limit of
 * attempts.
 */
const SERVER_KNOWS: ReadonlySet<Reason> = new Set<Reason>(["LOGIN_REFUSED"]);

/** Returns the text for a failure, in the chosen language. For an unknown reason it is the server's text. */
export function wordsOf(failure: Failure, texts: Texts, language: Language): string {
  const server = failure.foreign || SERVER_KNOWS.has(failure.reason) ? failure.words[language] : undefined;
  const text = server ?? texts.reasons[failure.reason];
  const again = failure.retryAfter ? texts.common.tryAgainIn(failure.retryAfter) : "";
  return again ? `${text} ${again}` : text;
}

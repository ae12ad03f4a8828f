// The language of the site. The default is Japanese. The browser stores the language that the subscriber has chosen.

import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { en } from "./en";
import { ja, type Texts } from "./ja";

/** A language of the site. */
export type Language = "ja" | "en";

const TEXTS: Record<Language, Texts> = { ja, en };
const REMEMBERED = "language";
/** The site shows times in the time zone of the telephone network. */
const TIME_ZONE = "Asia/Tokyo";

interface Chosen {
  language: Language;
  texts: Texts;
  choose: (language: Language) => void;
  /** Formats a date and time. The argument is in milliseconds since 1970. */
  moment: (milliseconds: number) => string;
}

const Context = createContext<Chosen | undefined>(undefined);

/** Returns the stored language. If the browser forbids storage, the choice lasts until the page is reloaded. */
function remembered(): Language {
  try {
    return localStorage.getItem(REMEMBERED) === "en" ? "en" : "ja";
  } catch {
    return "ja";
  }
}

function remember(language: Language): void {
  try {
    localStorage.setItem(REMEMBERED, language);
  } catch {
    // The choice lasts until the page is reloaded.
  }
}

/** Provides the chosen language to its children. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(remembered);
  const choose = useCallback((chosen: Language) => {
    remember(chosen);
    setLanguage(chosen);
  }, []);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const chosen = useMemo(() => {
    const format = new Intl.DateTimeFormat(language === "ja" ? "ja-JP" : "en-GB", {
      dateStyle: "long",
      timeStyle: "short",
      timeZone: TIME_ZONE,
    });
    const moment = (milliseconds: number) => format.format(milliseconds);
    return { language, texts: TEXTS[language], choose, moment };
  }, [language, choose]);
  return <Context.Provider value={chosen}>{children}</Context.Provider>;
}

/** Returns the chosen language and its texts. */
export function useTexts(): Chosen {
  const chosen = useContext(Context);
  if (!chosen) {
    throw new Error("useTexts was called outside of LanguageProvider");
  }
  return chosen;
}

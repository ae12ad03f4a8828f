// Which language the reader has chosen. Japanese first; the choice, and nothing else, is remembered.

import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { en } from "./en";
import { ja, type Texts } from "./ja";

/** A language of the site. */
export type Language = "ja" | "en";

const TEXTS: Record<Language, Texts> = { ja, en };
const REMEMBERED = "language";
/** Times are those of the country whose telephones these are. */
const TIME_ZONE = "Asia/Tokyo";

interface Chosen {
  language: Language;
  texts: Texts;
  choose: (language: Language) => void;
  /** A moment in words. */
  moment: (milliseconds: number) => string;
}

const Context = createContext<Chosen | undefined>(undefined);

/** Storage may be forbidden: then nothing is remembered, and everything works. */
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
    // Not remembered.
  }
}

/** Gives its children the chosen language. */
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

/** The chosen language and its texts. */
export function useTexts(): Chosen {
  const chosen = useContext(Context);
  if (!chosen) {
    throw new Error("outside of LanguageProvider");
  }
  return chosen;
}

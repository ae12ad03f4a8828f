// What the services tell every page: the figures (SITE-2) and the operator's profile (SITE-1). Nothing of it is compiled in.

import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { subscriber } from "../api/client";
import { callOnce } from "../api/retry";
import type { GetProfileResponse, LocalText } from "../gen/aikagi/edge/v1/subscriber_service_pb";
import { type Policy, policyOf } from "../password/policy";
import { useTexts } from "../texts/language";

/** The operator's profile in the reader's language. An unset part is undefined or empty. */
export interface Profile {
  operator: string | undefined;
  site: string | undefined;
  settingNumber: string | undefined;
  charged: boolean | undefined;
  document: string | undefined;
  environments: string[];
  charges: string | undefined;
  contact: string | undefined;
  services: { name: string; url: string }[];
}

/** What is known. */
interface Facts {
  policy: Policy | undefined;
  profile: Profile;
  /** Whether the first answers have come, or have not come in time. */
  settled: boolean;
}

/** The pauses between tries, in milliseconds (SITE-6). */
const PAUSES = [1_000, 5_000, 20_000, 60_000];
/** After this time pages are shown without what has not come, in milliseconds. */
const PATIENCE = 2_500;

const Context = createContext<Facts | undefined>(undefined);

/** Calls until it is answered, with growing pauses. Returns how to stop. */
function callUntilAnswered<T>(call: () => Promise<T>, answered: (response: T) => void, tried: () => void) {
  let wanted = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const attempt = async (tries: number) => {
    const { response } = await callOnce(call);
    if (!wanted) {
      return;
    }
    if (response) {
      answered(response);
    } else {
      timer = setTimeout(() => void attempt(tries + 1), PAUSES[Math.min(tries, PAUSES.length - 1)]);
    }
    tried();
  };
  void attempt(0);
  return () => {
    wanted = false;
    clearTimeout(timer);
  };
}

/** Provides the facts to its children. */
export function FactsProvider({ children }: { children: ReactNode }) {
  const { language } = useTexts();
  const [policy, setPolicy] = useState<Policy>();
  const [told, setTold] = useState<GetProfileResponse>();
  const [tried, setTried] = useState({ policy: false, profile: false });
  useEffect(
    () =>
      callUntilAnswered(
        () => subscriber.getPolicy({}),
        (response) => setPolicy(policyOf(response)),
        () => setTried((was) => ({ ...was, policy: true })),
      ),
    [],
  );
  useEffect(
    () =>
      callUntilAnswered(
        () => subscriber.getProfile({}),
        setTold,
        () => setTried((was) => ({ ...was, profile: true })),
      ),
    [],
  );
  useEffect(() => {
    const timer = setTimeout(() => setTried({ policy: true, profile: true }), PATIENCE);
    return () => clearTimeout(timer);
  }, []);
  const facts = useMemo(
    () => ({ policy, profile: profileOf(told, language), settled: tried.policy && tried.profile }),
    [policy, told, language, tried],
  );
  return <Context.Provider value={facts}>{children}</Context.Provider>;
}

function profileOf(told: GetProfileResponse | undefined, language: "ja" | "en"): Profile {
  const say = (text: LocalText | undefined) => text?.[language] || undefined;
  return {
    operator: say(told?.operator),
    site: say(told?.site),
    settingNumber: told?.settingNumber || undefined,
    charged: told?.settingCallCharged,
    document: say(told?.contractDocument),
    environments: (told?.environments ?? []).flatMap((text) => say(text) ?? []),
    charges: say(told?.charges),
    contact: say(told?.contact),
    services: (told?.services ?? []).flatMap(({ name, url }) => {
      const shown = say(name);
      return shown ? [{ name: shown, url }] : [];
    }),
  };
}

/** The facts. */
export function useFacts(): Facts {
  const facts = useContext(Context);
  if (!facts) {
    throw new Error("outside of FactsProvider");
  }
  return facts;
}

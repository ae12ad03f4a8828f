// The facts that every page gets from the services: the figures (SITE-2) and the operator's profile (SITE-1). The
// site's code contains none of them.

import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { subscriber } from "../api/client";
import { callOnce } from "../api/retry";
import type { GetProfileResponse, LocalText } from "../gen/aikagi/edge/v1/subscriber_service_pb";
import { type Policy, policyOf } from "../password/policy";
import { useTexts } from "../texts/language";

/** The operator's profile in the chosen language. A part that is not set is undefined or empty. */
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

/** The facts that are known at this moment. */
interface Facts {
  policy: Policy | undefined;
  profile: Profile;
  /** True after the first attempt for each fact has ended, or after `PATIENCE`. Then the pages are shown. */
  settled: boolean;
}

/** The pauses between attempts, in milliseconds (SITE-6). */
const PAUSES = [1_000, 5_000, 20_000, 60_000];
/** The maximum time that pages wait for the facts, in milliseconds. Then they appear with the facts they have. */
const PATIENCE = 2_500;

const Context = createContext<Facts | undefined>(undefined);

/**
 * Sends an RPC until it gets a response, with growing pauses. Passes the response to `received`, and calls `tried`
 * after each attempt. Returns a function that stops the attempts.
 */
function callUntilResponse<T>(call: () => Promise<T>, received: (response: T) => void, tried: () => void) {
  let wanted = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const attempt = async (tries: number) => {
    const { response } = await callOnce(call);
    if (!wanted) {
      return;
    }
    if (response) {
      received(response);
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
  const [response, setResponse] = useState<GetProfileResponse>();
  const [tried, setTried] = useState({ policy: false, profile: false });
  useEffect(
    () =>
      callUntilResponse(
        () => subscriber.getPolicy({}),
        (received) => setPolicy(policyOf(received)),
        () => setTried((was) => ({ ...was, policy: true })),
      ),
    [],
  );
  useEffect(
    () =>
      callUntilResponse(
        () => subscriber.getProfile({}),
        setResponse,
        () => setTried((was) => ({ ...was, profile: true })),
      ),
    [],
  );
  useEffect(() => {
    const timer = setTimeout(() => setTried({ policy: true, profile: true }), PATIENCE);
    return () => clearTimeout(timer);
  }, []);
  const facts = useMemo(
    () => ({ policy, profile: profileOf(response, language), settled: tried.policy && tried.profile }),
    [policy, response, language, tried],
  );
  return <Context.Provider value={facts}>{children}</Context.Provider>;
}

function profileOf(response: GetProfileResponse | undefined, language: "ja" | "en"): Profile {
  const textOf = (text: LocalText | undefined) => text?.[language] || undefined;
  return {
    operator: textOf(response?.operator),
    site: textOf(response?.site),
    settingNumber: response?.settingNumber || undefined,
    charged: response?.settingCallCharged,
    document: textOf(response?.contractDocument),
    environments: (response?.environments ?? []).flatMap((text) => textOf(text) ?? []),
    charges: textOf(response?.charges),
    contact: textOf(response?.contact),
    services: (response?.services ?? []).flatMap(({ name, url }) => {
      const shown = textOf(name);
      return shown ? [{ name: shown, url }] : [];
    }),
  };
}

/** Returns the facts. */
export function useFacts(): Facts {
  const facts = useContext(Context);
  if (!facts) {
    throw new Error("useFacts was called outside of FactsProvider");
  }
  return facts;
}

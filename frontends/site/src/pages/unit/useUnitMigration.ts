import { useState } from "react";
import { subscriber } from "../../api/client";
import { type Failure, isSessionOver, type Reason } from "../../api/failure";
import { callOnce, callWithRetries } from "../../api/retry";
import { showNumber } from "../../app/number";
import { useSite } from "../../app/site";
import type { Session } from "../../gen/aikagi/authentication/v1/session_pb";
import type { PreviewMigrationResponse } from "../../gen/aikagi/edge/v1/subscriber_service_pb";
import { strayIn } from "../../password/policy";
import { useTexts } from "../../texts/language";
import { type Errors, type Form, type Sent, useForm } from "../../ui/useForm";
import { idAt } from "./Passwords";
import type { Plan } from "./plan";

/** The deadline of a unit migration, in milliseconds. The server computes a hash for each old and each new account. */
const DEADLINE = 60_000;

/** Reasons after which the page gets the present state from the server. */
const LOOK_AGAIN: ReadonlySet<Reason> = new Set<Reason>([
  "STALE_VIEW",
  "CHANGED_MEANWHILE",
  "ACCOUNTS_NOT_READY",
  "PASSWORD_DEAD",
]);

/** The state of a unit migration on this page. */
interface UnitMigration {
  form: Form;
  /** Set after a lost response. `notDone`: the unit was not changed. `perhaps`: it may have been changed. */
  lost: "perhaps" | "notDone" | undefined;
  /** True if this session has ended because the migration used the last attempt of a password (SESS-2). */
  over: boolean;
  /** Gets the present state from the server. Returns the failure, if there is one. */
  lookAgain: () => Promise<Failure | undefined>;
}

/**
 * Sends a unit migration. After a refusal it provides the errors and the next steps for the page. The typed passwords
 * stay in their fields.
 */
export function useUnitMigration({
  session,
  plan,
  replan,
  passwords,
}: {
  session: Session;
  plan: Plan;
  replan: (preview: PreviewMigrationResponse) => void;
  passwords: Record<string, string>;
}): UnitMigration {
  const { texts } = useTexts();
  const { go, forget, look, ended, lastNumber, changedLogins } = useSite();
  const words = texts.unit;
  const [lost, setLost] = useState<"perhaps" | "notDone">();
  const [over, setOver] = useState(false);
  const { unit, preview } = plan;
  const numbers = preview.requiredNumbers;

  const lookAgain = async () => {
    const { response, failure } = await callWithRetries(() => subscriber.previewMigration({ unit }));
    if (response) {
      replan(response);
    }
    return failure;
  };

  const check = (): Errors => {
    setLost(undefined);
    const wrong = numbers.flatMap((number, place) => {
      const password = passwords[number];
      const stray = strayIn(password ?? "");
      if (!password) {
        return [[idAt(place), words.passwordMissing(showNumber(number))]];
      }
      return stray ? [[idAt(place), texts.common.stray[stray]]] : [];
    });
    return Object.fromEntries(wrong);
  };

  /** Returns the errors of single passwords, by the ids of their fields. */
  const errorsOf = (failure: Failure): Errors => {
    const say = (number: string, reason: Reason) => {
      switch (reason) {
        case "PASSWORD_WRONG":
          return words.passwordWrong(showNumber(number));
        case "PASSWORD_DEAD":
          return words.passwordDead(showNumber(number));
        case "ACCOUNTS_NOT_READY":
          return words.passwordUnready(showNumber(number));
        default:
          return texts.reasons[reason];
      }
    };
    return Object.fromEntries(
      numbers.flatMap((number, place) => {
        const reason = failure.fields[`passwords[${place}]`];
        return reason ? [[idAt(place), say(number, reason)]] : [];
      }),
    );
  };

  const refused = async (failure: Failure): Promise<Sent> => {
    if (isSessionOver(failure)) {
      ended();
      return undefined;
    }
    if (failure.lost) {
      // The server may have changed the unit. If the session is still live with the old unit, the unit was not
      // changed (MIG-6).
      const { response } = await callWithRetries(() => subscriber.getSession({ peek: true }));
      setLost(response?.session?.unit === session.unit ? "notDone" : "perhaps");
      return { failure };
    }
    const errors = errorsOf(failure);
    if (LOOK_AGAIN.has(failure.reason)) {
      const lookFailure = await lookAgain();
      if (lookFailure && isSessionOver(lookFailure)) {
        if (failure.reason !== "PASSWORD_DEAD") {
          ended();
          return undefined;
        }
        setOver(true);
      }
    } else if (failure.reason === "PASSWORD_CHANGE_REQUIRED") {
      void look(true);
    }
    // For these reasons the errors of the fields say everything.
    const fieldsOnly = failure.reason === "PASSWORD_WRONG" || failure.reason === "PASSWORD_DEAD";
    return Object.keys(errors).length > 0 && fieldsOnly ? { errors } : { errors, failure };
  };

  const send = async (): Promise<Sent> => {
    const { response, failure } = await callOnce(() =>
      subscriber.migrate(
        {
          unit,
          revision: preview.revision,
          passwords: numbers.map((number) => ({ number, password: passwords[number] ?? "" })),
        },
        { timeoutMs: DEADLINE },
      ),
    );
    if (failure) {
      return refused(failure);
    }
    const { logins } = response;
    const own = logins.find(({ number }) => number === session.accountNumber) ?? logins[0];
    lastNumber.current = own ? showNumber(own.number) : "";
    changedLogins.current = logins;
    go("unitChanged", { replace: true });
    forget();
    return undefined;
  };

  return { form: useForm(check, send), lost, over, lookAgain };
}

import { useState } from "react";
import { subscriber } from "../../api/client";
import { type Failure, isSessionOver, type Reason } from "../../api/failure";
import { attempt, persist } from "../../api/patience";
import { showNumber } from "../../app/number";
import { useSite } from "../../app/site";
import type { Session } from "../../gen/aikagi/authentication/v1/session_pb";
import type { PreviewMigrationResponse } from "../../gen/aikagi/edge/v1/subscriber_service_pb";
import { useTexts } from "../../texts/language";
import { type Errors, type Form, type Sent, useForm } from "../../ui/useForm";
import { idAt } from "./Passwords";
import type { Plan } from "./plan";

/** How long a migration may take, in milliseconds: each account's password is hashed, and one for each new one. */
const DEADLINE = 60_000;

/** Reasons after which the page shows what holds now. */
const LOOK_AGAIN: ReadonlySet<Reason> = new Set<Reason>([
  "STALE_VIEW",
  "CHANGED_MEANWHILE",
  "ACCOUNTS_NOT_READY",
  "PASSWORD_DEAD",
]);

/** A migration, as far as this page has come with it. */
interface Migration {
  form: Form;
  /** The answer was lost: what is known of what became of it. */
  lost: "perhaps" | "notDone" | undefined;
  /** This session spent a password's last attempt and has ended with it (SESS-2). */
  over: boolean;
  /** Shows what holds now. */
  lookAgain: () => Promise<Failure | undefined>;
}

/** Sends a migration, and makes of its refusal what the reader can do about it. Whatever was typed stays. */
export function useMigration({
  session,
  plan,
  replan,
  passwords,
}: {
  session: Session;
  plan: Plan;
  replan: (preview: PreviewMigrationResponse) => void;
  passwords: Record<string, string>;
}): Migration {
  const { texts } = useTexts();
  const { go, forget, look, ended, lastNumber, changedLogins } = useSite();
  const words = texts.unit;
  const [lost, setLost] = useState<"perhaps" | "notDone">();
  const [over, setOver] = useState(false);
  const { unit, preview } = plan;
  const numbers = preview.requiredNumbers;

  const lookAgain = async () => {
    const { answer, failure } = await persist(() => subscriber.previewMigration({ unit }));
    if (answer) {
      replan(answer);
    }
    return failure;
  };

  const check = (): Errors => {
    setLost(undefined);
    const missing = numbers.flatMap((number, place) =>
      passwords[number] ? [] : [[idAt(place), words.passwordMissing(showNumber(number))]],
    );
    return Object.fromEntries(missing);
  };

  /** What is wrong with single passwords, by their places in the request. */
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
      // What was asked may have been done: the session would have ended with it (MIG-6).
      const { answer } = await persist(() => subscriber.getSession({ peek: true }));
      setLost(answer?.session?.unit === session.unit ? "notDone" : "perhaps");
      return { failure };
    }
    const errors = errorsOf(failure);
    if (LOOK_AGAIN.has(failure.reason)) {
      const gone = await lookAgain();
      if (gone && isSessionOver(gone)) {
        if (failure.reason !== "PASSWORD_DEAD") {
          ended();
          return undefined;
        }
        setOver(true);
      }
    } else if (failure.reason === "PASSWORD_CHANGE_REQUIRED") {
      void look(true);
    }
    const told = failure.reason === "PASSWORD_WRONG" || failure.reason === "PASSWORD_DEAD";
    return Object.keys(errors).length > 0 && told ? { errors } : { errors, failure };
  };

  const send = async (): Promise<Sent> => {
    const { answer, failure } = await attempt(() =>
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
    const { logins } = answer;
    const own = logins.find(({ number }) => number === session.accountNumber) ?? logins[0];
    lastNumber.current = own ? showNumber(own.number) : "";
    changedLogins.current = logins;
    go("unitChanged", { replace: true });
    forget();
    return undefined;
  };

  return { form: useForm(check, send), lost, over, lookAgain };
}

import { useState } from "react";
import { subscriber } from "../api/client";
import { isSessionOver } from "../api/failure";
import { callOnce, callWithRetries } from "../api/retry";
import { useFacts } from "../app/facts";
import { showNumber } from "../app/number";
import { useSite } from "../app/site";
import { MustChangeReason, type Session } from "../gen/aikagi/authentication/v1/session_pb";
import { check as checkPolicy, type Rule, strayIn } from "../password/policy";
import { useStrength } from "../password/useStrength";
import { useTexts } from "../texts/language";
import { ErrorSummary } from "../ui/ErrorSummary";
import { PasswordField } from "../ui/Field";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";
import { Submit } from "../ui/Submit";
import { type Errors, useForm } from "../ui/useForm";

/** Maps the fields of the contract to the ids of the page's fields. */
const FIELDS = {
  current_password: "current",
  new_password: "next",
  new_password_confirmation: "again",
} as const;

/** The page for changing the password. The change is voluntary, or required by the session (PW-2, PW-4). */
export function ChangePassword({ session }: { session: Session }) {
  const { texts } = useTexts();
  const { go, keep, look, ended } = useSite();
  const words = texts.password;
  const { policy } = useFacts();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [lost, setLost] = useState<"perhaps" | "notDone">();
  // PW-6: passwords that the server has refused as too common. The server does not send its list.
  const [common, setCommon] = useState<readonly string[]>([]);
  const conditions = checkPolicy(policy, next, current, common);
  const strength = useStrength(next, [session.accountNumber, ...session.scopeNumbers]);
  const temporary = session.mustChangeReason === MustChangeReason.TEMPORARY;
  const forced = session.mustChangeReason !== MustChangeReason.UNSPECIFIED;

  const sayBroken = (rule: Rule) => {
    switch (rule) {
      case "DIFFERENT":
        return texts.reasons.PASSWORD_REUSED;
      case "COMMON":
        return words.tooCommon;
      default:
        return texts.reasons.PASSWORD_POLICY;
    }
  };

  const check = (): Errors => {
    setLost(undefined);
    const errors: Errors = {};
    if (current === "") {
      errors.current = words.currentMissing;
    }
    const stray = strayIn(current);
    if (stray) {
      errors.current = texts.common.stray[stray];
    }
    const broken = conditions.find(([, met]) => met === false);
    if (next === "") {
      errors.next = words.nextMissing;
    } else if (broken) {
      errors.next = sayBroken(broken[0]);
    }
    if (again === "") {
      errors.again = words.againMissing;
    } else if (again !== next) {
      errors.again = words.againDiffers;
    }
    return errors;
  };

  const send = async () => {
    const { response, failure } = await callOnce(() =>
      subscriber.changePassword({
        currentPassword: current,
        newPassword: next,
        newPasswordConfirmation: again,
        revision: session.revision,
      }),
    );
    if (response?.session) {
      keep(response.session);
      go("account", { replace: true, word: "changed" });
      return undefined;
    }
    if (response) {
      go("login", { replace: true, word: "changedLogIn" });
      return undefined;
    }
    if (isSessionOver(failure)) {
      ended();
      return undefined;
    }
    if (failure.reason === "STALE_VIEW" || failure.reason === "CHANGED_MEANWHILE") {
      const lookFailure = await look(false);
      return lookFailure && isSessionOver(lookFailure) ? undefined : { failure };
    }
    if (failure.lost) {
      // The server may have changed the password. If the session's revision is the same, nothing was changed
      // (SESS-5).
      const { response: now } = await callWithRetries(() => subscriber.getSession({ peek: true }));
      setLost(now?.session?.revision === session.revision ? "notDone" : "perhaps");
      return { failure };
    }
    const errors: Errors = {};
    for (const [field, id] of Object.entries(FIELDS)) {
      const reason = failure.fields[field];
      if (reason) {
        errors[id] = texts.reasons[reason];
      }
    }
    if (failure.reason === "PASSWORD_POLICY" && failure.metadata.rules === "COMMON") {
      setCommon((known) => [...known, next]);
      errors.next = sayBroken("COMMON");
    }
    return Object.keys(errors).length > 0 ? { errors } : { failure };
  };
  const form = useForm(check, send);

  const field = (id: "current" | "next" | "again", set: (value: string) => void) => ({
    id,
    error: form.errors[id],
    onValue: (value: string) => {
      set(value);
      form.forgive(id);
    },
  });

  return (
    <Page
      title={forced ? words.forcedTitle : words.title}
      {...(!forced && { lead: words.lead })}
      className="narrow"
    >
      {temporary && <Notice tone="info">{words.temporary}</Notice>}
      {session.mustChangeReason === MustChangeReason.EXPIRED && (
        <Notice tone="warn">{words.expired(policy?.days)}</Notice>
      )}
      <ErrorSummary
        form={form}
        more={
          lost && (
            <>
              <p>{words[lost]}</p>
              {lost === "perhaps" && (
                <p>
                  <a href="/login">{texts.loggedOut.again}</a>
                </p>
              )}
            </>
          )
        }
      />
      <form method="post" onSubmit={form.submit} noValidate className="card">
        <p>
          {words.whose} <b className="number">{showNumber(session.accountNumber)}</b>
        </p>
        {/* Password managers store the new password with the number in this field. */}
        <input
          className="unseen"
          type="text"
          name="username"
          autoComplete="username"
          value={session.accountNumber}
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <PasswordField
          {...field("current", setCurrent)}
          label={temporary ? words.currentTemporary : words.current}
          autoComplete="current-password"
          value={current}
        />
        <PasswordField
          {...field("next", setNext)}
          label={words.next}
          autoComplete="new-password"
          value={next}
          describedBy="conditions"
        >
          <div className="conditions" id="conditions">
            <p>{words.rules}</p>
            <ul>
              {conditions.map(([rule, met]) => (
                <li key={rule} className={met ? "met" : undefined}>
                  <Icon name={met ? "check" : "dot"} />
                  {words.rule[rule](policy ?? { min: 0, max: 0 })}
                  <span className="sr">
                    {met === undefined ? words.checkedLater : met ? words.met : words.unmet}
                  </span>
                </li>
              ))}
            </ul>
          </div>
          <Strength score={strength} />
        </PasswordField>
        <PasswordField
          {...field("again", setAgain)}
          label={words.again}
          autoComplete="new-password"
          value={again}
        >
          <p className="aside good" role="status">
            {next !== "" && again === next && words.againMatches}
          </p>
        </PasswordField>
        <Submit label={words.submit} busy={form.busy} />
        {policy && policy.days > 0 && <p className="hint">{words.validFor(policy.days)}</p>}
        {policy && <p className="hint">{texts.login.limits(policy)}</p>}
      </form>
      {!forced && (
        <p>
          <Link to="account">{texts.common.back}</Link>
        </p>
      )}
    </Page>
  );
}

/** PW-6: shows the strength of the new password. It is only advice. A weak password is not refused because of it. */
function Strength({ score }: { score: number | undefined }) {
  const { texts } = useTexts();
  const words = texts.password;
  return (
    <div className="strength">
      <p role="status">
        {words.strength}
        {score !== undefined && <b>{words.strengths[score]}</b>}
      </p>
      <div className={`meter s${score ?? "none"}`} aria-hidden="true">
        <i />
        <i />
        <i />
        <i />
      </div>
      <p className="hint">{words.advice}</p>
    </div>
  );
}

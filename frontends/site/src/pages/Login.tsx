import { useState } from "react";
import { subscriber } from "../api/client";
import { callOnce } from "../api/retry";
import { useFacts } from "../app/facts";
import { parseNumber } from "../app/number";
import { useSite } from "../app/site";
import { strayIn } from "../password/policy";
import { useTexts } from "../texts/language";
import { ErrorSummary } from "../ui/ErrorSummary";
import { NumberField, PasswordField } from "../ui/Field";
import { Link } from "../ui/Link";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";
import { SettingNumber } from "../ui/SettingNumber";
import { Submit } from "../ui/Submit";
import { type Errors, useForm } from "../ui/useForm";

/** The login page (LOGIN-1). */
export function Login() {
  const { texts } = useTexts();
  const { policy } = useFacts();
  const { go, keep, word, wanted, lastNumber } = useSite();
  const [number, setNumber] = useState(lastNumber.current);
  const [password, setPassword] = useState("");

  const check = (): Errors => {
    const errors: Errors = {};
    if (number.trim() === "") {
      errors.number = texts.login.numberMissing;
    } else if (!parseNumber(number)) {
      errors.number = texts.login.numberWrong;
    }
    if (password === "") {
      errors.password = texts.login.passwordMissing;
    }
    const stray = strayIn(password);
    if (stray) {
      errors.password = texts.common.stray[stray];
    }
    return errors;
  };

  const send = async () => {
    lastNumber.current = number;
    const { response, failure } = await callOnce(() => subscriber.login({ number, password }));
    if (failure) {
      return {
        failure,
        errors: "number" in failure.fields ? { number: texts.login.numberWrong } : {},
      };
    }
    if (response.session) {
      // SITE-8: if the browser blocks cookies, the next request has no session.
      const { failure: none } = await callOnce(() => subscriber.getSession({ peek: true }));
      if (none?.reason === "SESSION_REQUIRED") {
        return { failure: { ...none, reason: "COOKIES_BLOCKED" as const } };
      }
      keep(response.session);
      go(wanted.current ?? "account", { replace: true });
      wanted.current = undefined;
    }
    return undefined;
  };
  const form = useForm(check, send);

  return (
    <Page title={texts.login.title} lead={texts.login.lead} className="narrow">
      {word === "needed" && <Notice tone="info">{texts.login.needed}</Notice>}
      {word === "changedLogIn" && <Notice tone="good">{texts.password.changedLogIn}</Notice>}
      <ErrorSummary form={form} />
      <form method="post" onSubmit={form.submit} noValidate className="card">
        <NumberField
          id="number"
          label={texts.login.number}
          hint={texts.login.numberHint}
          autoComplete="username"
          value={number}
          onValue={(value) => {
            setNumber(value);
            form.forgive("number");
          }}
          error={form.errors.number}
        />
        <PasswordField
          id="password"
          label={texts.login.password}
          hint={texts.login.passwordHint}
          autoComplete="current-password"
          value={password}
          onValue={(value) => {
            setPassword(value);
            form.forgive("password");
          }}
          error={form.errors.password}
        />
        {policy && <p className="hint">{texts.login.limits(policy)}</p>}
        <Submit label={texts.login.submit} busy={form.busy} />
      </form>
      <section className="aside-box" aria-labelledby="forgotten">
        <h2 id="forgotten">{texts.login.forgotten}</h2>
        <p>
          {texts.login.forgottenText} <Link to="welcome">{texts.login.forgottenLink}</Link>
        </p>
        <SettingNumber />
        {policy && <p>{texts.login.temporaryEnds(policy)}</p>}
      </section>
      <WhichNumber />
    </Page>
  );
}

const UNITS = ["LINE", "NUMBER", "ADMIN_USER"] as const;

/** SITE-3, UNIT-1: explains which number logs in under each unit, and where to find the contract number. */
function WhichNumber() {
  const { texts } = useTexts();
  const { profile } = useFacts();
  const words = texts.login;
  return (
    <section className="aside-box" aria-labelledby="which">
      <h2 id="which">{words.which}</h2>
      <dl className="which">
        {UNITS.map((unit) => (
          <div key={unit}>
            <dt>{texts.units[unit].name}</dt>
            <dd>{words.whichOf[unit]}</dd>
          </div>
        ))}
      </dl>
      {profile.document && <p>{words.document(profile.document)}</p>}
      <p>
        <Link to="help">{texts.help.title}</Link>
      </p>
    </section>
  );
}

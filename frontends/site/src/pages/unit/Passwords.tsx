import { useFacts } from "../../app/facts";
import { showNumber } from "../../app/number";
import { useTexts } from "../../texts/language";
import { PasswordField } from "../../ui/Field";
import { Submit } from "../../ui/Submit";
import type { Form } from "../../ui/useForm";

/** Returns the id of the password field for the account at this position. */
export const idAt = (place: number) => `password-${place}`;

/** MIG-2: the form with one password field for each account of the present unit. */
export function Passwords({
  own,
  numbers,
  passwords,
  type,
  form,
}: {
  own: string;
  numbers: string[];
  passwords: Record<string, string>;
  type: (number: string, password: string) => void;
  form: Form;
}) {
  const { texts } = useTexts();
  const words = texts.unit;
  const { policy } = useFacts();
  return (
    <form method="post" onSubmit={form.submit} noValidate className="card" aria-labelledby="passwords">
      <div>
        <h2 id="passwords">{words.passwords}</h2>
        <p className="hint">{words.passwordsText(numbers.length)}</p>
        {policy && <p className="hint">{texts.login.limits(policy)}</p>}
      </div>
      {numbers.map((number, place) => {
        const id = idAt(place);
        return (
          <div key={number}>
            {/* Password managers read the account of the password from this field. */}
            <input
              className="unseen"
              type="text"
              name={`username-${place}`}
              autoComplete={`section-${place} username`}
              value={number}
              readOnly
              tabIndex={-1}
              aria-hidden="true"
            />
            <PasswordField
              id={id}
              label={words.passwordOf(showNumber(number))}
              {...(number === own && numbers.length > 1 && { hint: words.own })}
              autoComplete={`section-${place} current-password`}
              value={passwords[number] ?? ""}
              error={form.errors[id]}
              onValue={(value) => {
                type(number, value);
                form.forgive(id);
              }}
            />
          </div>
        );
      })}
      <Submit label={words.submit} busy={form.busy} />
    </form>
  );
}

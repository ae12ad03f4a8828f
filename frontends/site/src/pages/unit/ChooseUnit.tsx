import { subscriber } from "../../api/client";
import { isSessionOver } from "../../api/failure";
import { callWithRetries } from "../../api/retry";
import { unitName } from "../../app/names";
import { useSite } from "../../app/site";
import type { Session } from "../../gen/aikagi/authentication/v1/session_pb";
import { AuthUnit } from "../../gen/aikagi/units/v1/unit_pb";
import { useTexts } from "../../texts/language";
import { ErrorSummary } from "../../ui/ErrorSummary";
import { Icon } from "../../ui/Icon";
import { Link } from "../../ui/Link";
import { Page } from "../../ui/Page";
import { Submit } from "../../ui/Submit";
import { type Errors, useForm } from "../../ui/useForm";
import type { Plan } from "./plan";

/** Returns the id of a unit's radio button. */
const idOf = (unit: AuthUnit) => `unit-${unit}`;

/** MIG-1: the first page of a unit migration. The subscriber chooses one of the offered units. */
export function ChooseUnit({
  session,
  units,
  unit,
  choose,
  planned,
}: {
  session: Session;
  units: AuthUnit[];
  unit: AuthUnit | undefined;
  choose: (unit: AuthUnit) => void;
  planned: (plan: Plan) => void;
}) {
  const { texts } = useTexts();
  const { go, look, ended } = useSite();
  const words = texts.unit;
  const first = idOf(units[0] ?? AuthUnit.UNSPECIFIED);
  const now = texts.units[unitName(session.unit)];

  const check = (): Errors => (unit === undefined ? { [first]: words.chooseMissing } : {});
  const send = async () => {
    if (unit === undefined) {
      return undefined;
    }
    const { response, failure } = await callWithRetries(() => subscriber.previewMigration({ unit }));
    if (response) {
      planned({ unit, preview: response });
      go("unitCheck");
      return undefined;
    }
    if (isSessionOver(failure)) {
      ended();
      return undefined;
    }
    // The session may have changed: a change of the password may be required, or the line may have another unit.
    void look(true);
    return { failure };
  };
  const form = useForm(check, send);
  const error = form.errors[first];

  return (
    <Page title={words.title} lead={words.lead} className="narrow">
      <ErrorSummary form={form} />
      <form method="post" onSubmit={form.submit} noValidate className="card">
        <dl className="facts">
          <dt>{words.now}</dt>
          <dd>
            {now.name}
            <small>{now.about}</small>
          </dd>
        </dl>
        <fieldset aria-describedby={error && "unit-error"}>
          <legend>{words.choose}</legend>
          {error && (
            <p className="error" id="unit-error">
              <Icon name="alert" />
              {error}
            </p>
          )}
          {units.map((offer) => {
            const { name, about } = texts.units[unitName(offer)];
            return (
              <label key={offer} className="choice">
                <input
                  id={idOf(offer)}
                  type="radio"
                  name="unit"
                  checked={unit === offer}
                  aria-describedby={`${idOf(offer)}-about`}
                  onChange={() => {
                    choose(offer);
                    form.forgive(first);
                  }}
                />
                <b>{name}</b>
                <small id={`${idOf(offer)}-about`}>{about}</small>
              </label>
            );
          })}
        </fieldset>
        <Submit label={words.preview} busy={form.busy} />
      </form>
      <p>
        <Link to="account">{texts.common.back}</Link>
      </p>
    </Page>
  );
}

import { useFacts } from "../app/facts";
import { showNumber } from "../app/number";
import { addressFor, isForNumber } from "../app/services";
import { useTexts } from "../texts/language";

/** The maximum number of links of a service that are shown without a further click. */
const FEW = 12;

/** SITE-9: the services of the operator's profile, with a link for each number in the session's scope. */
export function Services({ numbers }: { numbers: string[] }) {
  const words = useTexts().texts.account;
  const { services } = useFacts().profile;
  if (services.length === 0) {
    return null;
  }
  return (
    <section className="card" aria-labelledby="services">
      <h2 id="services">{words.services}</h2>
      {numbers.length > 0 && services.some(({ url }) => isForNumber(url)) && (
        <p className="hint">{words.servicesLead}</p>
      )}
      <ul className="services">
        {services.map(({ name, url }) => (
          <li key={`${name} ${url}`}>
            {isForNumber(url) ? (
              <>
                <h3>{name}</h3>
                <Doors name={name} url={url} numbers={numbers} />
              </>
            ) : (
              <a href={url} className="button" rel="noreferrer">
                {name}
              </a>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The links to one service. Many links are shown only after a click. */
function Doors({ name, url, numbers }: { name: string; url: string; numbers: string[] }) {
  const words = useTexts().texts.account;
  if (numbers.length === 0) {
    return <p>{words.noScope}</p>;
  }
  const list = (
    <ul className="doors">
      {numbers.map((number) => (
        <li key={number}>
          <a
            href={addressFor(url, number)}
            className="button number"
            rel="noreferrer"
            aria-label={words.serviceOf(name, showNumber(number))}
          >
            {showNumber(number)}
          </a>
        </li>
      ))}
    </ul>
  );
  return numbers.length > FEW ? (
    <details>
      <summary>{words.serviceNumbers(numbers.length)}</summary>
      {list}
    </details>
  ) : (
    list
  );
}

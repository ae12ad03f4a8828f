import type { ReactNode } from "react";
import { useFacts } from "../app/facts";
import { isForNumber } from "../app/services";
import { useTexts } from "../texts/language";
import { Page } from "../ui/Page";
import { SettingNumber } from "../ui/SettingNumber";

/** SITE-4: the help page. It explains the use of the site, from the operator's profile and the rules. */
export function Help() {
  const { texts } = useTexts();
  const { policy, profile } = useFacts();
  const words = texts.help;
  return (
    <Page title={words.title} lead={words.lead} className="help">
      <Part id="environments" title={words.environments.title}>
        {profile.environments.length > 0 && (
          <ul>
            {profile.environments.map((environment) => (
              <li key={environment}>{environment}</li>
            ))}
          </ul>
        )}
        <p>{words.environments.text}</p>
        <p>{words.environments.needs}</p>
      </Part>
      <Part id="encryption" title={words.encryption.title}>
        <p>{words.encryption.text}</p>
      </Part>
      {profile.charges && (
        <Part id="charges" title={words.charges.title}>
          <p>{profile.charges}</p>
        </Part>
      )}
      <Part id="windows" title={words.windows.title}>
        <p>{words.windows.text}</p>
      </Part>
      <Part id="logout" title={words.logout.title}>
        <p>{words.logout.automatic}</p>
        <p>{words.logout.close}</p>
      </Part>
      <Part id="passwords" title={words.passwords.title}>
        {policy && <p>{texts.login.limits(policy)}</p>}
        {policy && <p>{texts.login.temporaryEnds(policy)}</p>}
        <p>{words.passwords.again}</p>
        <SettingNumber />
        <p>{words.passwords.choose}</p>
      </Part>
      {profile.services.length > 0 && (
        <Part id="services" title={words.services}>
          <ul>
            {profile.services.map(({ name, url }) => (
              <li key={url}>
                {isForNumber(url) ? (
                  name
                ) : (
                  <a href={url} rel="noreferrer">
                    {name}
                  </a>
                )}
              </li>
            ))}
          </ul>
        </Part>
      )}
      {profile.contact && (
        <Part id="contact" title={words.contact}>
          <p>{profile.contact}</p>
        </Part>
      )}
    </Page>
  );
}

function Part({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <section className="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

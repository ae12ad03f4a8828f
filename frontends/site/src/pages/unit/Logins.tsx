import { roleName } from "../../app/names";
import { showNumber } from "../../app/number";
import type { Login } from "../../gen/aikagi/units/v1/migration_pb";
import { useTexts } from "../../texts/language";
import { Numbers } from "../../ui/Numbers";

/** MIG-6: lists the logins after a unit migration. Each has its number, its role and its scope. */
export function Logins({ logins }: { logins: Login[] }) {
  const { texts } = useTexts();
  return (
    <ul className="logins">
      {logins.map(({ number, role, scopeNumbers }) => (
        <li key={number}>
          <b className="number">{showNumber(number)}</b>
          <p>{texts.roles[roleName(role)]}</p>
          <p>{scopeNumbers.length === 0 ? texts.account.noScope : texts.unit.scope}</p>
          <Numbers numbers={scopeNumbers} />
        </li>
      ))}
    </ul>
  );
}

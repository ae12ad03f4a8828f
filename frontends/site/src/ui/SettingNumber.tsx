import { useFacts } from "../app/facts";
import { useTexts } from "../texts/language";
import { Icon } from "./Icon";

/**
 * Shows the setting number, and says whether a call to it is charged (SITE-1). Renders nothing if the operator's
 * profile has neither of the two facts.
 */
export function SettingNumber() {
  const { texts } = useTexts();
  const { settingNumber, charged } = useFacts().profile;
  const words = texts.settingNumber;
  const cost = charged === undefined ? undefined : charged ? words.charged : words.free;
  if (!settingNumber && !cost) {
    return null;
  }
  return (
    <p className="setting-number">
      {settingNumber && (
        <>
          <Icon name="phone" />
          {words.label}
          <a className="number" href={`tel:${settingNumber.replace(/-/g, "").replace(/#/g, "%23")}`}>
            {settingNumber}
          </a>
        </>
      )}
      {cost && <span>{cost}</span>}
    </p>
  );
}

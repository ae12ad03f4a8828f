import { useFacts } from "../app/facts";
import { useTexts } from "../texts/language";
import { Icon } from "./Icon";

/** The number to dial for a temporary password, and whether the call is charged (SITE-1). Nothing if unset. */
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

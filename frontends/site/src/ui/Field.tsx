import {
  type HTMLInputAutoCompleteAttribute,
  type KeyboardEvent,
  type ReactNode,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { strayIn } from "../password/policy";
import { useTexts } from "../texts/language";
import { Icon } from "./Icon";

interface FieldProps {
  id: string;
  label: string;
  /** The typed text, as the page knows it. The field shows only the first value, and then keeps its own content. */
  value: string;
  onValue: (value: string) => void;
  autoComplete: HTMLInputAutoCompleteAttribute;
  hint?: string | undefined;
  error?: string | undefined;
  /** Content below the field. */
  children?: ReactNode;
  /** The id of the element in `children` that describes the field. */
  describedBy?: string;
}

function describe(id: string, { hint, error, describedBy }: FieldProps): string | undefined {
  const ids = [hint && `${id}-hint`, error && `${id}-error`, describedBy].filter(Boolean);
  return ids.length > 0 ? ids.join(" ") : undefined;
}

function Frame({ field, children }: { field: FieldProps; children: ReactNode }) {
  return (
    <div className={field.error ? "field wrong" : "field"}>
      <label htmlFor={field.id}>{field.label}</label>
      {field.hint && (
        <p className="hint" id={`${field.id}-hint`}>
          {field.hint}
        </p>
      )}
      {children}
      {field.error && (
        <p className="error" id={`${field.id}-error`}>
          <Icon name="alert" />
          {field.error}
        </p>
      )}
      {field.children}
    </div>
  );
}

/**
 * SITE-5: keeps the content in the browser's own field. A password manager may fill in the field with only the event
 * `change`, or without any event. If the page set the content again, it would delete the filled-in text.
 */
function useContent({ value, onValue }: FieldProps) {
  const input = useRef<HTMLInputElement>(null);
  const first = useRef(value);
  const latest = useRef({ value, onValue });
  latest.current = { value, onValue };
  useLayoutEffect(() => {
    const element = input.current;
    if (!element) {
      return undefined;
    }
    if (first.current !== "") {
      element.value = first.current;
    }
    const changed = () => {
      const known = latest.current;
      if (element.value !== known.value) {
        known.onValue(element.value);
      }
    };
    element.addEventListener("change", changed);
    return () => element.removeEventListener("change", changed);
  }, []);
  return input;
}

/** The field for a telephone number. */
export function NumberField(field: FieldProps) {
  const input = useContent(field);
  return (
    <Frame field={field}>
      <input
        ref={input}
        id={field.id}
        name={field.id}
        type="text"
        inputMode="tel"
        autoComplete={field.autoComplete}
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        aria-invalid={field.error ? true : undefined}
        aria-describedby={describe(field.id, field)}
        onInput={(event) => field.onValue(event.currentTarget.value)}
      />
    </Frame>
  );
}

/** The field for a password. The subscriber can show the password and paste it. A password manager can fill it in. */
export function PasswordField(field: FieldProps) {
  const { texts } = useTexts();
  const [shown, setShown] = useState(false);
  const [capsLock, setCapsLock] = useState(false);
  const input = useContent(field);
  const stray = strayIn(field.value);
  const watch = (event: KeyboardEvent) => setCapsLock(event.getModifierState("CapsLock"));
  return (
    <Frame field={field}>
      <div className="with-button">
        <input
          ref={input}
          id={field.id}
          name={field.id}
          type={shown ? "text" : "password"}
          autoComplete={field.autoComplete}
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          aria-invalid={field.error ? true : undefined}
          aria-describedby={describe(field.id, field)}
          onInput={(event) => field.onValue(event.currentTarget.value)}
          onKeyUp={watch}
          onBlur={() => setCapsLock(false)}
        />
        <button
          type="button"
          className="quiet reveal"
          aria-pressed={shown}
          aria-label={texts.common.showField(field.label)}
          onClick={() => setShown(!shown)}
        >
          {shown ? texts.common.hide : texts.common.show}
        </button>
      </div>
      <div role="status" className="asides">
        {capsLock && <p className="aside">{texts.common.capsLock}</p>}
        {stray && <p className="aside">{texts.common.stray[stray]}</p>}
      </div>
    </Frame>
  );
}

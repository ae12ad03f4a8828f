import { type ReactNode, useLayoutEffect, useRef } from "react";
import { useTexts } from "../texts/language";
import { Icon } from "./Icon";
import type { Form } from "./useForm";
import { wordsOf } from "./words";

/**
 * The summary of a form's errors, above the form. It gets the focus after each failed try. Each line links to its
 * field.
 */
export function ErrorSummary({ form, more }: { form: Form; more?: ReactNode }) {
  const { texts, language } = useTexts();
  const box = useRef<HTMLDivElement>(null);
  const { errors, failure, tries } = form;
  const fields = Object.entries(errors);
  const wrong = fields.length > 0 || failure !== undefined;
  useLayoutEffect(() => {
    if (tries > 0) {
      box.current?.focus();
    }
  }, [tries]);
  if (!wrong) {
    return null;
  }
  const lead = failure && wordsOf(failure, texts, language);
  return (
    <div className="summary" role="alert" tabIndex={-1} ref={box}>
      <h2>
        <Icon name="alert" />
        {texts.common.problems}
      </h2>
      {lead && <p>{lead}</p>}
      {fields.length > 0 && (
        <ul>
          {fields.map(([id, text]) => (
            <li key={id}>
              <a
                href={`#${id}`}
                onClick={(event) => {
                  event.preventDefault();
                  document.getElementById(id)?.focus();
                }}
              >
                {text}
              </a>
            </li>
          ))}
        </ul>
      )}
      {failure?.lost && <p className="kept">{texts.common.kept}</p>}
      {more}
    </div>
  );
}

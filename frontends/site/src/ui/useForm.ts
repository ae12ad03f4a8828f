import { type FormEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Failure } from "../api/failure";

/** Error messages, by the field's id. */
export type Errors = Record<string, string>;

/** The result of sending a form: undefined on success, otherwise what is wrong. */
export type Sent = { errors?: Errors; failure?: Failure } | undefined;

/** The state of a form. */
export interface Form {
  errors: Errors;
  failure: Failure | undefined;
  busy: boolean;
  /** The number of failed tries, so that each failure is announced. */
  tries: number;
  submit: (event: FormEvent) => void;
  /** Removes the error of a field that the reader has corrected. */
  forgive: (field: string) => void;
  clear: () => void;
}

/** A form that is checked in the browser, then sent. A failure keeps everything that was typed. */
export function useForm(check: () => Errors, send: () => Promise<Sent>): Form {
  const [state, setState] = useState<{ errors: Errors; failure: Failure | undefined; tries: number }>({
    errors: {},
    failure: undefined,
    tries: 0,
  });
  const [busy, setBusy] = useState(false);
  const [submits, setSubmits] = useState(0);
  const under = useRef(false);
  const here = useRef(true);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);

  const fail = (errors: Errors, failure: Failure | undefined) =>
    setState(({ tries }) => ({ errors, failure, tries: tries + 1 }));

  const run = async () => {
    const errors = check();
    if (Object.keys(errors).length > 0) {
      fail(errors, undefined);
      return;
    }
    under.current = true;
    setBusy(true);
    setState(({ tries }) => ({ errors: {}, failure: undefined, tries }));
    try {
      const sent = await send();
      if (sent && here.current) {
        fail(sent.errors ?? {}, sent.failure);
      }
    } finally {
      under.current = false;
      if (here.current) {
        setBusy(false);
      }
    }
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each submit, with the state of that moment
  useLayoutEffect(() => {
    if (submits > 0) {
      void run();
    }
  }, [submits]);

  return {
    ...state,
    busy,
    submit: (event) => {
      event.preventDefault();
      if (!under.current) {
        // SITE-5: the fields report what stands in them. The form runs when that is known.
        for (const input of (event.currentTarget as HTMLFormElement).querySelectorAll(
          "input[type=text]:not([readonly]), input[type=password]",
        )) {
          input.dispatchEvent(new Event("change"));
        }
        setSubmits((count) => count + 1);
      }
    },
    forgive: (field) =>
      setState((was) => {
        if (!(field in was.errors)) {
          return was;
        }
        const { [field]: _corrected, ...errors } = was.errors;
        return { ...was, errors };
      }),
    clear: () => setState(({ tries }) => ({ errors: {}, failure: undefined, tries })),
  };
}

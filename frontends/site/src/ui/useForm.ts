import { type FormEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Failure } from "../api/failure";

/** Maps the id of a field to its error text. */
export type Errors = Record<string, string>;

/** The result of sending a form: undefined on success, otherwise the errors or the failure. */
export type Sent = { errors?: Errors; failure?: Failure } | undefined;

/** The state of a form. */
export interface Form {
  errors: Errors;
  failure: Failure | undefined;
  busy: boolean;
  /** The number of failed tries. A change of it moves the focus to the error summary. */
  tries: number;
  submit: (event: FormEvent) => void;
  /** Removes the error of a field, because the subscriber has changed its content. */
  forgive: (field: string) => void;
  clear: () => void;
}

/** The state of a form that is checked in the browser and then sent. After a failure the fields keep their content. */
export function useForm(check: () => Errors, send: () => Promise<Sent>): Form {
  const [state, setState] = useState<{ errors: Errors; failure: Failure | undefined; tries: number }>({
    errors: {},
    failure: undefined,
    tries: 0,
  });
  const [busy, setBusy] = useState(false);
  const [submits, setSubmits] = useState(0);
  const sending = useRef(false);
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
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
    sending.current = true;
    setBusy(true);
    setState(({ tries }) => ({ errors: {}, failure: undefined, tries }));
    try {
      const sent = await send();
      if (sent && mounted.current) {
        fail(sent.errors ?? {}, sent.failure);
      }
    } finally {
      sending.current = false;
      if (mounted.current) {
        setBusy(false);
      }
    }
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs once for each submit, with the state at that time
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
      if (!sending.current) {
        // SITE-5: the event makes the fields report their content. `run` starts after the state has this content.
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

import { type FormEvent, useEffect, useRef, useState } from "react";
import type { Failure } from "../api/failure";

/** What is wrong, by the field's id. */
export type Errors = Record<string, string>;

/** What came of sending a form: nothing more to say, or what is wrong. */
export type Sent = { errors?: Errors; failure?: Failure } | undefined;

/** A form: what is wrong with it, whether it is under way, and the summary that is focused when it fails. */
export interface Form {
  errors: Errors;
  failure: Failure | undefined;
  busy: boolean;
  /** Which failed try this is, so that each is announced anew. */
  tries: number;
  submit: (event: FormEvent) => void;
  /** A field was corrected: what was said about it no longer holds. */
  forgive: (field: string) => void;
  clear: () => void;
}

/** A form that is checked here first, then sent. Nothing that was typed is lost when that fails. */
export function useForm(check: () => Errors, send: () => Promise<Sent>): Form {
  const [state, setState] = useState<{ errors: Errors; failure: Failure | undefined; tries: number }>({
    errors: {},
    failure: undefined,
    tries: 0,
  });
  const [busy, setBusy] = useState(false);
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

  return {
    ...state,
    busy,
    submit: (event) => {
      event.preventDefault();
      if (!under.current) {
        void run();
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

import { useCallback, useEffect, useState } from "react";
import { type Failure, isSessionOver } from "../../api/failure";
import { callWithRetries } from "../../api/retry";
import { useSite } from "../../app/site";

/** A list that the page reads from the server. */
export interface List<T> {
  response: T | undefined;
  /** Why the last attempt to read the list failed. */
  failure: Failure | undefined;
  /** True after the first attempt. */
  settled: boolean;
  /** Reads the list again. */
  read: () => Promise<void>;
}

/** Reads a list when the page appears. `call` must be the same function at each rendering. */
export function useList<T>(call: () => Promise<T>): List<T> {
  const { ended, look } = useSite();
  const [state, setState] = useState<Omit<List<T>, "read">>({
    response: undefined,
    failure: undefined,
    settled: false,
  });
  const read = useCallback(async () => {
    const { response, failure } = await callWithRetries(call);
    if (failure && isSessionOver(failure)) {
      ended();
      return;
    }
    if (failure?.reason === "PASSWORD_CHANGE_REQUIRED") {
      // The state of the session has changed. `look` gets the present state, and the site then shows the right page.
      void look(true);
    }
    setState({ response, failure, settled: true });
  }, [call, ended, look]);
  useEffect(() => {
    void read();
  }, [read]);
  return { ...state, read };
}

import { type ComponentType, useEffect, useState } from "react";
import { type Failure, failureOf } from "../api/failure";
import { TroublePage } from "../pages/Trouble";
import { Loading } from "./Loading";

/** A page whose code is fetched when it is wanted; when that fails the reader can try again. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Later(props: P) {
    const [Loaded, setLoaded] = useState<{ of: ComponentType<P> | undefined; failure?: Failure }>({
      of: loaded,
    });
    const fetchIt = () =>
      load().then(
        (component) => {
          loaded = component;
          setLoaded({ of: component });
        },
        (thrown: unknown) => setLoaded({ of: undefined, failure: failureOf(thrown) }),
      );
    // biome-ignore lint/correctness/useExhaustiveDependencies: fetched once; tried again by the reader
    useEffect(() => {
      if (!loaded) {
        void fetchIt();
      }
    }, []);
    if (Loaded.of) {
      return <Loaded.of {...props} />;
    }
    if (Loaded.failure) {
      // A browser remembers that a module could not be loaded; only a new page asks for it again.
      return <TroublePage failure={Loaded.failure} again={async () => location.reload()} />;
    }
    return <Loading />;
  };
}

import { type ComponentType, useEffect, useState } from "react";
import { type Failure, failureOf } from "../api/failure";
import { UnavailablePage } from "../pages/Unavailable";
import { Loading } from "./Loading";

/** The code of a page that is fetched when the page is first shown. */
export interface PageCode<P extends object> {
  readonly load: () => Promise<ComponentType<P>>;
  /** The page, once its code is loaded. */
  page: ComponentType<P> | undefined;
}

/** Describes a page's code without fetching it. */
export function pageCode<P extends object>(load: () => Promise<ComponentType<P>>): PageCode<P> {
  return { load, page: undefined };
}

/** Shows a page once its code is loaded. When loading fails, the reader can try again. */
export function LazyPage<P extends object>({ code, props }: { code: PageCode<P>; props: NoInfer<P> }) {
  const [result, setResult] = useState<{ code: PageCode<P>; failure?: Failure }>();
  useEffect(() => {
    if (!code.page) {
      code.load().then(
        (page) => {
          code.page = page;
          setResult({ code });
        },
        (thrown: unknown) => setResult({ code, failure: failureOf(thrown) }),
      );
    }
  }, [code]);
  if (code.page) {
    return <code.page {...props} />;
  }
  if (result?.code === code && result.failure) {
    // A browser remembers that a module failed to load. Only a new document asks for it again.
    return <UnavailablePage failure={result.failure} again={async () => location.reload()} />;
  }
  return <Loading />;
}

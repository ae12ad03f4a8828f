import { type ComponentType, useEffect, useState } from "react";
import { type Failure, failureOf } from "../api/failure";
import { UnavailablePage } from "../pages/Unavailable";
import { Loading } from "./Loading";

/** The code of a page. The browser loads it when the page is first shown. */
export interface PageCode<P extends object> {
  readonly load: () => Promise<ComponentType<P>>;
  /** The page. Undefined until its code is loaded. */
  page: ComponentType<P> | undefined;
}

/** Describes the code of a page, but does not load it yet. */
export function pageCode<P extends object>(load: () => Promise<ComponentType<P>>): PageCode<P> {
  return { load, page: undefined };
}

/** Loads the code of a page and shows the page. If loading fails, the subscriber can try again. */
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
    // A browser remembers that a module failed to load. It requests the module again only after a reload.
    return <UnavailablePage failure={result.failure} again={async () => location.reload()} />;
  }
  return <Loading />;
}

import type { MouseEvent, ReactNode } from "react";
import { PATHS, type Route } from "../app/route";
import { useSite } from "../app/site";

/** A link to another page of the site. */
export function Link({ to, className, children }: { to: Route; className?: string; children: ReactNode }) {
  const { go } = useSite();
  const follow = (event: MouseEvent) => {
    if (event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      go(to);
    }
  };
  return (
    <a href={PATHS[to]} className={className} onClick={follow}>
      {children}
    </a>
  );
}

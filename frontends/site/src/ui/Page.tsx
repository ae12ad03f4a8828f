import { type ReactNode, useEffect, useRef } from "react";
import { useFacts } from "../app/facts";
import { useTexts } from "../texts/language";

/** The frame of a page. It sets the window's title, and moves the focus to the heading when the page appears. */
export function Page({
  title,
  heading,
  lead,
  className,
  children,
}: {
  title: string;
  heading?: string;
  lead?: ReactNode;
  className?: string;
  children?: ReactNode;
}) {
  const { texts } = useTexts();
  const { profile } = useFacts();
  const site = `${profile.operator ?? texts.product} ${profile.site ?? texts.name}`;
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} | ${site}`;
  }, [title, site]);
  useEffect(() => {
    window.scrollTo(0, 0);
    // Do not take the focus from a field of the page.
    if (!document.activeElement || document.activeElement === document.body) {
      head.current?.focus({ preventScroll: true });
    }
  }, []);
  return (
    <article className={`page ${className ?? ""}`}>
      <h1 ref={head} tabIndex={-1}>
        {heading ?? title}
      </h1>
      {lead && <p className="lead">{lead}</p>}
      {children}
    </article>
  );
}

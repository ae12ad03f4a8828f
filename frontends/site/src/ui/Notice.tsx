import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

/** The kind of a notice. */
export type Tone = "info" | "good" | "warn" | "bad";

const ICONS: Record<Tone, IconName> = { info: "info", good: "check", warn: "alert", bad: "alert" };

/** A notice in a page. If it is `live`, a screen reader reads it when it appears. */
export function Notice({ tone, live, children }: { tone: Tone; live?: boolean; children: ReactNode }) {
  return (
    <div className={`notice ${tone}`} role={live ? "status" : undefined}>
      <Icon name={ICONS[tone]} />
      <div>{children}</div>
    </div>
  );
}

import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

/** How a notice is meant. */
export type Tone = "info" | "good" | "warn" | "bad";

const ICONS: Record<Tone, IconName> = { info: "info", good: "check", warn: "alert", bad: "alert" };

/** Something to know, beside the page's matter. A `live` one is read out when it appears. */
export function Notice({ tone, live, children }: { tone: Tone; live?: boolean; children: ReactNode }) {
  return (
    <div className={`notice ${tone}`} role={live ? "status" : undefined}>
      <Icon name={ICONS[tone]} />
      <div>{children}</div>
    </div>
  );
}

// Icons in the colour of the text. An icon only repeats the meaning of a text beside it.

const PATHS = {
  key: "M13 12h9M18 12v4M21.5 12v3M4 12a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0",
  check: "M4 12.5l5 5L20 6.5",
  dot: "M12 11.5v1",
  alert: "M12 4L2.5 20h19zM12 10v4.5M12 17.2v.3",
  info: "M12 11v6M12 7.2v.3M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0",
  clock: "M12 7v5l3.5 2M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0",
  offline:
    "M3 3l18 18M5 12.5a10 10 0 0 1 4-2.4M15.5 10.4a10 10 0 0 1 3.5 2.1M8.5 16a5 5 0 0 1 7 0M12 19.5v.3",
  phone:
    "M6 3h3l1.8 5-2.3 1.6a12 12 0 0 0 5.9 5.9L16 13.200l5 1.800v3a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z",
  door: "M14 4H6v16h8M10 12h11M17.500 8.500L21 12l-3.500 3.500",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof PATHS;

/** An icon. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

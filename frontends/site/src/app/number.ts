// UNIT-3: telephone numbers as people type them.

/** The digits of a telephone number typed in any form of UNIT-3, or undefined. */
export function parseNumber(typed: string): string | undefined {
  const digits = typed.normalize("NFKC").replace(/[\s\-‐‑‒–—−ー]/g, "");
  return /^0\d{9,10}$/.test(digits) ? digits : undefined;
}

/** The number in its usual groups, if the number alone determines them. */
export function showNumber(number: string): string {
  const groups = /^(0[5-9]0)(\d{4})(\d{4})$/.exec(number) ?? /^(0[36])(\d{4})(\d{4})$/.exec(number);
  return groups ? groups.slice(1).join("-") : number;
}

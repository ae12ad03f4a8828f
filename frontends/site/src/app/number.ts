// UNIT-3: telephone numbers as people type them. Every entrance takes the same: `crates/domain/src/telephone` has the list.

/** Spaces, and what input methods produce for the hyphen key. */
const SEPARATORS = /(?!\ufeff)[-\s\u0085\u2010-\u2015\u2212\u2500\u30fc\ufe63\uff0d\uff70]/g;

/** The digits of a telephone number typed in any form of UNIT-3, or undefined. */
export function parseNumber(typed: string): string | undefined {
  const digits = typed
    .replace(SEPARATORS, "")
    .replace(/[\uff10-\uff19]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
  return /^0[0-9]{9,10}$/.test(digits) ? digits : undefined;
}

/** The number in its usual groups, if the number alone determines them. */
export function showNumber(number: string): string {
  const groups = /^(0[5-9]0)(\d{4})(\d{4})$/.exec(number) ?? /^(0[36])(\d{4})(\d{4})$/.exec(number);
  return groups ? groups.slice(1).join("-") : number;
}

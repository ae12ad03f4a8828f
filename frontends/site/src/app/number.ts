// UNIT-3: telephone numbers as people type them. The services accept the same forms. A test
// compares `SEPARATORS` with `crates/domain/src/telephone/separators.txt`.

/** Spaces, and the characters that Japanese input methods produce for the hyphen key. */
const SEPARATORS = /(?!\ufeff)[-\s\u0085\u2010-\u2015\u2212\u2500\u30fc\ufe63\uff0d\uff70]/g;

/** Returns the digits of a telephone number that was typed in a form of UNIT-3. Undefined for any other text. */
export function parseNumber(typed: string): string | undefined {
  const digits = typed
    .replace(SEPARATORS, "")
    .replace(/[\uff10-\uff19]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
  return /^0[0-9]{9,10}$/.test(digits) ? digits : undefined;
}

/**
 * Returns the number with hyphens between its groups. If the first digits do not determine the groups, returns the
 * number unchanged.
 */
export function showNumber(number: string): string {
  const groups = /^(0[5-9]0)(\d{4})(\d{4})$/.exec(number) ?? /^(0[36])(\d{4})(\d{4})$/.exec(number);
  return groups ? groups.slice(1).join("-") : number;
}

import { showNumber } from "../app/number";

/** Telephone numbers, such as those whose settings somebody may change. Nothing where there are none. */
export function Numbers({ numbers }: { numbers: string[] }) {
  if (numbers.length === 0) {
    return null;
  }
  return (
    <ul className="numbers">
      {numbers.map((number) => (
        <li key={number} className="number">
          {showNumber(number)}
        </li>
      ))}
    </ul>
  );
}

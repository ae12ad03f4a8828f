import { showNumber } from "../app/number";

/** A list of telephone numbers. Renders nothing if it is empty. */
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

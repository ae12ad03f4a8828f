import { useTexts } from "../texts/language";

/** The button that sends a form. It keeps the focus while the request is in progress. */
export function Submit({ label, busy }: { label: string; busy: boolean }) {
  const { texts } = useTexts();
  return (
    <button type="submit" className="primary" aria-disabled={busy}>
      <span role={busy ? "status" : undefined}>{busy ? texts.common.working : label}</span>
    </button>
  );
}

import { useTexts } from "../texts/language";

/** The button that sends a form. It is not disabled while the request is in progress, so that it keeps the focus. */
export function Submit({ label, busy }: { label: string; busy: boolean }) {
  const { texts } = useTexts();
  return (
    <button type="submit" className="primary" aria-disabled={busy}>
      <span role={busy ? "status" : undefined}>{busy ? texts.common.working : label}</span>
    </button>
  );
}

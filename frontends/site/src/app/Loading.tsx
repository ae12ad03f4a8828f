import { useTexts } from "../texts/language";

/** Shown while something loads. The style hides it for a short time first, so that a fast page does not flicker. */
export function Loading() {
  const { texts } = useTexts();
  return (
    <p className="loading" role="status">
      {texts.common.loading}
    </p>
  );
}

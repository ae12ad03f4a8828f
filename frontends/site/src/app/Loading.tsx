import { useTexts } from "../texts/language";

/** Something is on its way. Shown only when that takes a moment. */
export function Loading() {
  const { texts } = useTexts();
  return (
    <p className="loading" role="status">
      {texts.common.loading}
    </p>
  );
}

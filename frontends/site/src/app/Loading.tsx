import { useTexts } from "../texts/language";

/** Shown while something loads. The style hides it at first. */
export function Loading() {
  const { texts } = useTexts();
  return (
    <p className="loading" role="status">
      {texts.common.loading}
    </p>
  );
}

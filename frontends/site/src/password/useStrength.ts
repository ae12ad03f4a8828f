import { useEffect, useState } from "react";

type Estimate = (password: string, known: string[]) => number;

/** Returns the strength of a password, 0 to 4. Undefined until the estimator is loaded. The page works without it. */
export function useStrength(password: string, known: string[]): number | undefined {
  const [estimate, setEstimate] = useState<{ of: Estimate }>();
  useEffect(() => {
    let wanted = true;
    import("./dictionary").then(
      (module) => wanted && setEstimate({ of: module.estimate }),
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, []);
  return password === "" ? undefined : estimate?.of(password, known);
}

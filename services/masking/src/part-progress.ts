import type { StageContext } from "@peco/stage";

/** Time between two progress events in milliseconds. */
const pauseMs = 500;

/** A counter that tells a stage's watchers how far a part of it is, twice a second and at its end. */
export function partProgress(part: string, emit: StageContext["emit"]): (done: number, of: number) => void {
  const started = performance.now();
  let told = 0;
  return (done, of) => {
    const now = performance.now();
    if (now - told < pauseMs && done < of) return;
    told = now;
    const perSecond = done / Math.max(1e-3, (now - started) / 1000);
    emit({
      kind: "step",
      part,
      step: done,
      of,
      metrics: {},
      imagesPerSecond: perSecond,
      etaSeconds: (of - done) / Math.max(perSecond, 1e-9),
      waitShare: 0,
    });
  };
}

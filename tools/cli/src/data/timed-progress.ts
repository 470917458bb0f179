import type { Display } from "../run/display.ts";

/** Counts a task on a display, with speed and the time that is left. */
export function timedProgress(display: Display, stage: string): (done: number, of: number) => void {
  const started = performance.now();
  return (step, of) => {
    const seconds = (performance.now() - started) / 1000;
    const imagesPerSecond = step / Math.max(1e-3, seconds);
    const etaSeconds = (of - step) / Math.max(1e-9, imagesPerSecond);
    display.progress({ stage, part: "", step, of, metrics: {}, imagesPerSecond, etaSeconds });
  };
}

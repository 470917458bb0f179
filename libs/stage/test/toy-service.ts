import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type Stage, serveOrRun } from "../src/index.ts";

const behaviour = z.object({
  steps: z.number().default(3),
  stepMs: z.number().default(5),
  /** A checkpoint after so many steps. */
  every: z.number().default(10),
});

/** Adds up its step numbers, slowly; its artifact is the sum, however often it was interrupted. */
const toy: Stage = async ({ spec, store, checkpoints, emit, signal, log }) => {
  const { steps, stepMs, every } = behaviour.parse(spec.parts["recipe"]);
  const saved = await checkpoints.latest(({ message }) => log.warn(message));
  let step = saved?.step ?? 0;
  let sum = z.number().default(0).parse(saved?.meta["sum"]);
  const save = async () => {
    await checkpoints.save({ step, blobs: {}, meta: { sum } });
    emit({ kind: "checkpoint", part: "", step });
  };
  for (const first = step; step < steps; ) {
    if (signal.aborted) {
      await save();
      throw signal.reason;
    }
    await sleep(stepMs);
    sum += ++step;
    const metrics = { loss: 1 / step };
    emit({ kind: "step", part: "", step, of: steps, metrics, imagesPerSecond: 1, etaSeconds: 0, waitShare: 0 });
    if (step % every === 0 || step === first + 1) await save();
  }
  const blob = await store.putBlob(new TextEncoder().encode(String(sum)));
  const artifact = await store.publish({ kind: "toy", blobs: { sum: blob }, inputs: {}, meta: {} });
  emit({ kind: "artifact", artifactKind: "toy", digest: artifact });
  return { artifact, metrics: { sum, resumedFrom: saved?.step ?? 0, absent: undefined } };
};

class Unmendable extends Error {
  override readonly name = "Unmendable";
  readonly exitCode = 65;
  readonly remedy = "Replace the picture.";
  readonly path = "/pictures/ä b.png";
}

await serveOrRun({
  name: "toy",
  stages: {
    toy,
    fails: () => Promise.reject(new Unmendable("the picture is broken")),
    faulty: () => Promise.reject(new TypeError("undefined is not a function")),
    dies: () => {
      process.kill(process.pid, "SIGKILL");
      return new Promise(() => {});
    },
    stubborn: () => sleep(3_600_000) as Promise<never>,
  },
});

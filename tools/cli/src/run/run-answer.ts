import type { RunRecord, Store } from "@peco/artifacts";
import { z } from "zod";
import type { Answer } from "../output.ts";
import { clock } from "./display.ts";
import { figureLines } from "./figure-words.ts";
import { figure, summary } from "./summary.ts";

/** The document of `peco run --json`. */
export const runDocument = z.object({
  run: z.string(),
  seconds: z.number(),
  /** Path of the page. */
  report: z.string(),
  stages: z.array(
    z.object({
      name: z.string(),
      seed: z.string(),
      state: z.enum(["ran", "cached"]),
      /** Seconds the stage took when it was run. */
      seconds: z.number(),
      artifact: z.string(),
      /** Of a trainer at least `steps`, `images` and `gflop`. */
      metrics: z.record(z.string(), z.json()),
      /** The weights as safetensors, where the artifact has any. */
      weights: z.string().optional(),
    }),
  ),
  /** The evaluation's figures over the seeds. */
  summary: z.record(z.string(), figure),
});
type RunDocument = z.infer<typeof runDocument>;

/** A finished run as document and text. */
export async function answerOf(store: Store, record: RunRecord, report: string): Promise<Answer> {
  const stages = await Promise.all(
    record.stages.map(async ({ name, seed, state, seconds, artifact, metrics }) => ({
      name,
      seed,
      state: state as "ran" | "cached",
      seconds: seconds ?? 0,
      artifact: artifact ?? "",
      metrics,
      ...(await weightsOf(store, artifact)),
    })),
  );
  const document: RunDocument = {
    run: record.id,
    seconds: record.seconds ?? 0,
    report,
    stages,
    summary: summary(record),
  };
  return { document, text: textOf(document) };
}

async function weightsOf(store: Store, artifact: string | null): Promise<{ weights?: string }> {
  if (artifact === null) return {};
  const { blobs } = await store.manifest(artifact);
  const ref = blobs["weights.safetensors"];
  return ref === undefined ? {} : { weights: await store.blobFile(ref.digest) };
}

function textOf({ seconds, report, stages, summary: figures }: RunDocument): string {
  const several = new Set(stages.map(({ seed }) => seed)).size > 1;
  const weights = stages
    .filter((stage) => stage.weights !== undefined)
    .map(({ name, seed, weights }) => `  ${name.padEnd(22)}${several ? `seed ${seed}  ` : ""}${weights}`);
  const lines = figureLines(figures).map((line) => `  ${line}`);
  return [
    "",
    ...(lines.length === 0 ? [] : ["on the test pictures", ...lines, ""]),
    ...(weights.length === 0 ? [] : ["weights (safetensors)", ...weights, ""]),
    `done in ${clock(seconds)}`,
    `report: ${report}`,
  ].join("\n");
}

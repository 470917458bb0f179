import type { Store } from "@peco/artifacts";
import type { StageName } from "@peco/recipes";
import type { Experiment } from "../run/experiment.ts";
import { type FoundStage, findStages } from "../run/find-stages.ts";
import { type PretrainingFlops, studyRuns } from "./arms.ts";
import { type Cell, experimentOf, otherExperimentOf, type Study } from "./study.ts";

/** A cell's experiment with what the store has of it. */
export interface FoundCell {
  readonly experiment: Experiment;
  readonly stages: readonly FoundStage[];
  /** The evaluation on the study's other test pictures; null where it has none, or before the stages are finished. */
  readonly other: Pick<FoundCell, "experiment" | "stages"> | null;
  readonly finished: boolean;
}

/** Looks a cell up in the store; null where its recipe follows from runs that are not there yet. */
export async function findCell(study: Study, store: Store | null, cell: Cell): Promise<FoundCell | null> {
  const flops = cell.run.matchesFlops ? await flopsToMatch(study, store, cell) : null;
  if (cell.run.matchesFlops && flops === null) return null;
  const experiment = experimentOf(study, cell, flops);
  const stages = await findStages(experiment, store, cell.seed);
  const whole = isWhole(stages);
  if (study.other === null || !whole) return { experiment, stages, other: null, finished: whole };
  const artifacts = new Map(stages.map(({ stage, result }) => [stage.name as string, result?.artifact ?? ""]));
  const onOther = otherExperimentOf(study, experiment, artifacts);
  const other = { experiment: onOther, stages: await findStages(onOther, store, cell.seed) };
  return { experiment, stages, other, finished: isWhole(other.stages) };
}

function isWhole(stages: readonly FoundStage[]): boolean {
  return stages.every(({ result }) => result !== null);
}

/** What the stages before fine-tuning cost PeCo and the pixel tokenizer of the same seed; null before they have run. */
async function flopsToMatch(study: Study, store: Store | null, cell: Cell): Promise<PretrainingFlops | null> {
  if (store === null) return null;
  const stagesOf = async (name: string) => {
    const run = studyRuns.find((run) => run.name === name) as Cell["run"];
    const { stages } = (await findCell(study, store, { ...cell, run })) as FoundCell;
    return (stage: StageName) =>
      gflopOf(
        store,
        stages.find((found) => found.stage.name === stage),
      );
  };
  const [peco, pixel] = [await stagesOf("peco"), await stagesOf("pixel-tokens")];
  const perceptualNetwork = await peco("perceptual-network");
  const codebook = await peco("codebook");
  const pixelCodebook = await pixel("codebook");
  const pretrain = await peco("pretrain");
  if (perceptualNetwork === null || codebook === null || pixelCodebook === null || pretrain === null) return null;
  return { perceptualNetwork, codebook, pixelCodebook, pretrain };
}

/** The counted FLOPs of a finished stage, in GFLOP: as it reported them, or else as they stand in its artifact. */
export async function gflopOf(store: Store, found: FoundStage | undefined): Promise<number | null> {
  const result = found?.result ?? null;
  if (result === null) return null;
  const reported = result.metrics["gflop"];
  if (typeof reported === "number") return reported;
  const { gflop } = (await store.manifest(result.artifact)).meta;
  return typeof gflop === "number" ? gflop : null;
}

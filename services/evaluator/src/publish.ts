import type { Manifest } from "@peco/artifacts";
import { mean } from "@peco/metrics";
import { type Evaluation, evaluationBlob, type NearestNeighbours } from "@peco/report/evaluation";
import type { StageContext, StageOutput } from "@peco/stage";

/** Publishes an evaluation with its pictures, and gives the figures that scripts and the command line show. */
export async function publishEvaluation(
  context: StageContext,
  result: Evaluation,
  pictures: ReadonlyMap<string, Uint8Array>,
): Promise<StageOutput> {
  const { store, spec } = context;
  const files = new Map([...pictures, [evaluationBlob, new TextEncoder().encode(`${JSON.stringify(result)}\n`)]]);
  const blobs: Record<string, Manifest["blobs"][string]> = {};
  for (const [name, bytes] of files) blobs[name] = await store.putBlob(bytes);
  const meta: Manifest["meta"] = { recipe: spec.parts["recipe"] ?? {} };
  const artifact = await store.publish({ kind: "evaluation", blobs, inputs: spec.inputs, meta });
  context.emit({ kind: "artifact", artifactKind: "evaluation", digest: artifact });
  return { artifact, metrics: figures(result) };
}

/** The evaluation in a few numbers. What could not be measured is left out. */
function figures(result: Evaluation): Record<string, number> {
  const { pictures, classification, reconstruction, codebook, maskedTokens, triples } = result;
  const all: Record<string, number | undefined> = {
    images: pictures,
    usage: codebook?.usage,
    perplexity: codebook?.perplexity,
    perplexityShare: codebook === null ? undefined : codebook.perplexity / codebook.size,
    tokenBits: codebook?.bits,
    psnr: reconstruction?.psnr.mean,
    ssim: reconstruction?.ssim?.mean,
    maskedAccuracy: maskedTokens?.accuracy,
    chance: classification?.chance.commonest,
  };
  for (const { name, mean } of classification?.arms ?? []) {
    all[`top1${named(name)}`] = mean.top1;
    all[`top5${named(name)}`] = mean.top5;
  }
  for (const { network, top1 } of classification?.probes ?? []) all[`probe${named(network)}`] = top1;
  for (const network of ["pretrained", "perceptual-network", "weights", "random"] as const)
    all[`neighbours${named(network)}`] = bestNeighbours(
      (classification?.nearestNeighbours ?? []).filter((found) => found.network === network),
    );
  for (const { representation, test } of classification?.codeWords ?? [])
    all[`codeWords${named(representation)}`] = test;
  for (const distance of ["tokens", "pixels", "features"] as const) {
    const scores = (forwards: boolean) =>
      (triples?.settings ?? [])
        .filter(({ kind }) => (kind === "shift") === forwards)
        .flatMap(({ distances }) => distances.filter((one) => one.distance === distance).map(({ score }) => score));
    all[`shiftNearer${named(distance)}`] = meanOf(scores(true));
    all[`reverseTriples${named(distance)}`] = meanOf(scores(false));
  }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, number] => entry[1] !== undefined));
}

/** Accuracy on test of the output and number of neighbours that are best on validation. */
function bestNeighbours(found: readonly NearestNeighbours[]): number | undefined {
  const all = found.flatMap(({ results }) => results);
  return all.length === 0 ? undefined : all.reduce((a, b) => (b.validation > a.validation ? b : a)).test;
}

const meanOf = (values: readonly number[]) => (values.length === 0 ? undefined : mean(values));

/** `from-scratch` as the end of a figure's name: `FromScratch`. */
const named = (name: string) => name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

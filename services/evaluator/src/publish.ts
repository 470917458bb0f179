import type { Manifest } from "@peco/artifacts";
import { type Evaluation, evaluationBlob } from "@peco/report/evaluation";
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
function figures({
  pictures,
  classification,
  reconstruction,
  codebook,
  maskedTokens,
}: Evaluation): Record<string, number> {
  const all: Record<string, number | undefined> = {
    images: pictures,
    usage: codebook.usage,
    perplexity: codebook.perplexity,
    perplexityShare: codebook.perplexity / codebook.size,
    psnr: reconstruction.psnr.mean,
    ssim: reconstruction.ssim?.mean,
    maskedAccuracy: maskedTokens?.accuracy,
    chance: classification?.chance.commonest,
  };
  for (const { name, mean } of classification?.arms ?? []) {
    const arm = name === "pretrained" ? "Pretrained" : "FromScratch";
    all[`top1${arm}`] = mean.top1;
    all[`top5${arm}`] = mean.top5;
  }
  for (const { network, top1 } of classification?.probes ?? [])
    all[network === "pretrained" ? "probePretrained" : "probeRandom"] = top1;
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, number] => entry[1] !== undefined));
}

import { initVisionTransformer } from "@peco/models";
import { fold, key } from "@peco/random";
import {
  type Arm,
  arm as armResult,
  type Classification,
  codeWords,
  type Evaluation,
  evaluation,
  type NearestNeighbours,
  nearestNeighbours as nearestNeighboursResult,
  type Probe,
  probe,
} from "@peco/report/evaluation";
import type { Stage } from "@peco/stage";
import { openData, StageCheckpoints, useThreads } from "@peco/training";
import { random, tf } from "tfjs-libtensorflow";
import { chanceOf, evaluateArm } from "./classification.ts";
import { evaluateCodeWords } from "./code-words.ts";
import { labelsOf } from "./frozen-features.ts";
import { type FrozenNetwork, loadFinetuned, loadNetworks, type Networks } from "./inputs.ts";
import { kept } from "./kept.ts";
import { measureMaskedPrediction } from "./masked-prediction.ts";
import { evaluateNeighbours } from "./nearest-neighbours.ts";
import { limited, type Pass } from "./pictures-in-order.ts";
import { probeNetwork } from "./probes.ts";
import { publishEvaluation } from "./publish.ts";
import { measureReconstruction, reconstructionResult } from "./reconstruction.ts";
import { chooseSamples, drawSamples } from "./samples.ts";
import { measureTriples } from "./triples.ts";

/**
 * The stage `evaluate`: everything that the report shows, measured on the test split with all networks frozen, as an artifact of kind
 * `evaluation` with `evaluation.json` and the pictures as PNG files. It measures what there are networks for: a run without tokenizer, or
 * without pre-training, gives the rest. Without classes it leaves out what needs them, and says so.
 */
export const evaluateStage: Stage = async (context) => {
  useThreads(context);
  const { spec, store, recipe } = context;
  await using data = await openData(store, spec.inputs["data"] ?? "");
  const pass: Pass = { context, data, checkpoints: await StageCheckpoints.open(context) };
  const pictures = data.places(limited(context, { split: "test" })).length;
  const numbers = chooseSamples(
    data,
    pictures,
    spec.preflight ? 1 : recipe.evaluate.pictures,
    fold(key(spec.seed), "evaluate", "samples"),
  );
  using networks = await loadNetworks(context);
  const { tokenizer, pretrained } = networks;
  const tokens =
    tokenizer &&
    (await kept(pass, "reconstruction", reconstructionResult, () => measureReconstruction(pass, tokenizer)));
  const maskedTokens =
    tokenizer &&
    pretrained &&
    (await kept(pass, "masked prediction", evaluation.shape.maskedTokens, () =>
      measureMaskedPrediction(pass, pretrained, tokenizer),
    ));
  const triples = await kept(pass, "triples", evaluation.shape.triples, () => measureTriples(pass, networks));
  const classification = await classify(pass, networks);
  const samples = await drawSamples(pass, numbers, {
    tokenizer,
    pretrained,
    looking: startOf(networks)?.network ?? null,
  });
  const result: Evaluation = {
    format: 2,
    pictures,
    size: recipe.image.size,
    classification,
    withoutClasses: classification === null ? WITHOUT_CLASSES : null,
    reconstruction: tokens?.reconstruction ?? null,
    codebook: tokens?.codebook ?? null,
    maskedTokens,
    triples,
    samples: { grid: tokenizer?.side ?? null, list: samples.list },
  };
  return publishEvaluation(context, evaluation.parse(result), samples.files);
};

const WITHOUT_CLASSES =
  "The pictures lie in one folder without classes, so nothing could be fine-tuned and there is no accuracy: the report shows codebook and pre-training alone.";

/** Both arms of fine-tuning, and what linear classifiers make of frozen networks and tokens; null where there are no classes. */
async function classify(pass: Pass, networks: Networks): Promise<Classification | null> {
  const { context, data } = pass;
  const { classifier, classifierFromScratch } = context.spec.inputs;
  if (data.classes === 0 || classifier === undefined) return null;
  const { classes } = data;
  const { recipe } = context;
  const start = startOf(networks);
  const arm = async (name: Arm["name"], start: Arm["start"], digest: string) =>
    kept(pass, `arm ${name}`, armResult, async () =>
      evaluateArm(pass, { name, start }, await loadFinetuned(context.store, digest)),
    );
  const arms = [
    await arm("pretrained", start?.name ?? "weights", classifier),
    ...(classifierFromScratch === undefined ? [] : [await arm("from-scratch", "random", classifierFromScratch)]),
  ];
  const [probes, nearestNeighbours]: [Probe[], NearestNeighbours[]] = [[], []];
  if (start !== null) {
    using untrained = randomNetwork(pass, start.network);
    for (const [name, network] of [
      [start.name, start.network],
      ["random", untrained],
    ] as const) {
      probes.push(
        await kept(pass, `probe of the ${name} network`, probe, () => probeNetwork(pass, name, network, classes)),
      );
      const neighbours = () => evaluateNeighbours(pass, name, network, classes);
      nearestNeighbours.push(
        ...(await kept(pass, `neighbours by ${name}`, nearestNeighboursResult.array(), neighbours)),
      );
    }
  }
  const { tokenizer } = networks;
  const withCodeWords = tokenizer !== null && recipe.evaluate.codeWords;
  return {
    classes: data.index.classes,
    chance: chanceOf(known(labelsOf(pass, { split: "test" })), classes),
    labels: {
      train: data.places({ split: "train", labelled: true }).length,
      validation: data.places({ split: "validation" }).length,
      test: data.places({ split: "test" }).length,
    },
    arms,
    probeLabels: known(labelsOf(pass, { split: "train", first: recipe.evaluate.probe.labels })).length,
    probes,
    nearestNeighbours,
    codeWords: withCodeWords
      ? await kept(pass, "code words", codeWords, () => evaluateCodeWords(pass, tokenizer, classes))
      : null,
  };
}

/** The network that fine-tuning began with; null where it is none of those that the stage was given. */
function startOf({ pretrained, perceptual, imported }: Networks) {
  if (imported !== null) return { name: "weights", network: imported } as const;
  if (pretrained !== null) return { name: "pretrained", network: pretrained } as const;
  return perceptual?.network === "vit" ? ({ name: "perceptual-network", network: perceptual } as const) : null;
}

/** A network like another one, with the weights that it could have begun with. */
function randomNetwork({ context: { spec } }: Pass, { config }: FrozenNetwork): FrozenNetwork {
  const start = random.fold(random.key(spec.seed), "evaluate", "random network");
  const made = tf.tidy(() => ({ vit: initVisionTransformer(start, config, "pretraining") }) as never) as Pick<
    FrozenNetwork,
    "vit"
  >;
  return { config, vit: made.vit, [Symbol.dispose]: () => tf.dispose(made as unknown as tf.TensorContainer) };
}

const known = (labels: readonly number[]) => labels.filter((label) => label >= 0);

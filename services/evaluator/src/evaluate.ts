import { initVisionTransformer, type VisionTransformer } from "@peco/models";
import { fold, key } from "@peco/random";
import { type Classification, type Evaluation, evaluation } from "@peco/report/evaluation";
import type { Stage } from "@peco/stage";
import { loadTokenizer, openData, useThreads } from "@peco/training";
import { random, tf } from "tfjs-libtensorflow";
import { chanceOf, evaluateArm } from "./classification.ts";
import { free, frozen } from "./frozen.ts";
import { loadFinetuned, loadPretrained, type PretrainedModel } from "./inputs.ts";
import { measureMaskedPrediction } from "./masked-prediction.ts";
import { limited, type Pass } from "./pictures-in-order.ts";
import { probeNetwork } from "./probes.ts";
import { publishEvaluation } from "./publish.ts";
import { measureReconstruction } from "./reconstruction.ts";
import { chooseSamples, drawSamples } from "./samples.ts";

/**
 * The stage `evaluate`: everything that the report shows, measured on the test split with all networks frozen, as an artifact of kind
 * `evaluation` with `evaluation.json` and the pictures as PNG files. Without classes it leaves out what needs them, and says so.
 */
export const evaluateStage: Stage = async (context) => {
  useThreads(context);
  const { spec, store, recipe } = context;
  await using data = await openData(store, spec.inputs["data"] ?? "");
  const pass: Pass = { context, data };
  const pictures = data.places(limited(context, { split: "test" })).length;
  const numbers = chooseSamples(
    data,
    pictures,
    spec.preflight ? 1 : recipe.evaluate.pictures,
    fold(key(spec.seed), "evaluate", "samples"),
  );

  using loaded = await loadTokenizer(store, spec.inputs["tokenizer"] ?? "");
  const pretrained = await loadPretrained(store, spec.inputs["pretrained"] ?? "");
  const weights = { autoencoder: loaded.autoencoder, vectors: loaded.codebook.vectors };
  await using tokenizer = frozen(weights);
  await using network = frozen({ model: pretrained.model, tokenizer: weights });

  const { side, preprocessing: normalisation } = loaded;
  const common = { normalisation, samples: numbers };
  const reconstructed = await measureReconstruction(pass, tokenizer, { ...common, codes: loaded.config.codes });
  const law = { rows: side, columns: side, ...recipe.pretrain.mask };
  const masked = await measureMaskedPrediction(pass, network, { ...common, config: pretrained.config, mask: law });
  const samples = await drawSamples(pass, numbers, {
    tokenizer,
    side,
    normalisation,
    reconstructed: reconstructed.samples,
    masked: masked.samples,
  });
  const classification = await classify(pass, pretrained);
  free(pretrained.model);
  const result: Evaluation = {
    format: 1,
    pictures,
    size: recipe.image.size,
    classification,
    withoutClasses: classification === null ? WITHOUT_CLASSES : null,
    reconstruction: reconstructed.reconstruction,
    codebook: reconstructed.codebook,
    maskedTokens: masked.maskedTokens,
    samples: { grid: side, list: samples.list },
  };
  return publishEvaluation(context, evaluation.parse(result), samples.files);
};

const WITHOUT_CLASSES =
  "The pictures lie in one folder without classes, so nothing could be fine-tuned and there is no accuracy: the report shows codebook and pre-training alone.";

/** Both arms of fine-tuning, and the probes of the pre-trained and of a random network; null where there are no classes. */
async function classify(pass: Pass, { config, model }: PretrainedModel): Promise<Classification | null> {
  const { context, data } = pass;
  const { classifier, classifierFromScratch } = context.spec.inputs;
  if (data.classes === 0 || classifier === undefined || classifierFromScratch === undefined) return null;
  const classes = data.classes;
  const arm = async (name: "pretrained" | "from-scratch", digest: string) =>
    evaluateArm(pass, name, await loadFinetuned(context.store, digest));
  const arms = [await arm("pretrained", classifier), await arm("from-scratch", classifierFromScratch)];

  const start = random.fold(random.key(context.spec.seed), "evaluate", "random network");
  const fresh = tf.tidy(
    () => initVisionTransformer(start, config, "pretraining") as unknown as tf.TensorContainerObject,
  );
  await using networks = new AsyncDisposableStack();
  const [pretrained, untrained] = [
    networks.use(frozen(model.vit)),
    networks.use(frozen(fresh as unknown as VisionTransformer)),
  ];
  free(fresh);
  const probes = [
    await probeNetwork(pass, "pretrained", { config, network: pretrained, classes }),
    await probeNetwork(pass, "random", { config, network: untrained, classes }),
  ];
  return {
    classes: data.index.classes,
    chance: chanceOf(labelsOf(pass, { split: "test" }), classes),
    labels: {
      train: data.places({ split: "train", labelled: true }).length,
      validation: data.places({ split: "validation" }).length,
      test: data.places({ split: "test" }).length,
    },
    arms,
    probeLabels: labelsOf(pass, { split: "train", first: context.recipe.evaluate.probe.labels }).length,
    probes,
  };
}

/** Classes of the selected pictures that have one. */
function labelsOf({ context, data }: Pass, selection: Parameters<typeof limited>[1]): number[] {
  return data.places(limited(context, selection)).flatMap((place) => data.index.pictures[place]?.label ?? []);
}

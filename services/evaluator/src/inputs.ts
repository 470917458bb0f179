import type { Store } from "@peco/artifacts";
import type { Classifier, MaskedModel, VisionTransformer, VisionTransformerConfig } from "@peco/models";
import type { StageContext } from "@peco/stage";
import {
  loadModel,
  loadPerceptualNetwork,
  loadTokenizer,
  type PerceptualNetwork,
  subtree,
  type Tokenizer,
  tensorsOf,
  visionTransformerConfig,
} from "@peco/training";
import { type HostArray, tf } from "tfjs-libtensorflow";
import { z } from "zod";
import { loadImported } from "./imported-network.ts";

/** A vision transformer, frozen: tensors that the caller frees. */
export interface FrozenNetwork extends Disposable {
  readonly config: VisionTransformerConfig;
  readonly vit: VisionTransformer;
}

/** The pre-trained network with the head that names tokens. */
export interface PretrainedNetwork extends FrozenNetwork {
  readonly model: MaskedModel;
}

/** The networks of a run; what it does not have is null. */
export interface Networks extends Disposable {
  readonly tokenizer: Tokenizer | null;
  readonly perceptual: PerceptualNetwork | null;
  readonly pretrained: PretrainedNetwork | null;
  /** The network of a file with which fine-tuning began. */
  readonly imported: FrozenNetwork | null;
}

/** Loads tokenizer, perceptual, pre-trained and imported network, as far as the stage was given them. */
export async function loadNetworks(context: StageContext): Promise<Networks> {
  const { store, spec } = context;
  const { tokenizer, perceptualNetwork, pretrained } = spec.inputs;
  const loaded = new DisposableStack();
  const given = async <T extends Disposable>(digest: string | undefined, load: (digest: string) => Promise<T>) =>
    digest === undefined ? null : loaded.use(await load(digest));
  try {
    return {
      tokenizer: await given(tokenizer, (digest) => loadTokenizer(store, digest)),
      perceptual: await given(perceptualNetwork, (digest) => loadPerceptualNetwork(store, digest)),
      pretrained: await given(pretrained, (digest) => loadPretrained(store, digest)),
      imported: spec.weights === null ? null : loaded.use(await loadImported(context)),
      [Symbol.dispose]: () => loaded.dispose(),
    };
  } catch (error) {
    loaded.dispose();
    throw error;
  }
}

async function loadPretrained(store: Store, digest: string): Promise<PretrainedNetwork> {
  const { config, weights } = await loadModel(store, digest, ["pretrained-vit"], visionTransformerConfig);
  const model = tensorsOf<MaskedModel>(weights);
  return {
    config,
    model,
    vit: model.vit,
    [Symbol.dispose]: () => tf.dispose(model as unknown as tf.TensorContainer),
  };
}

const validated = z.object({ step: z.int().nonnegative(), validation: z.number() });
const classifierConfig = z.object({
  vit: visionTransformerConfig,
  classes: z.array(z.string()).min(2),
  lr: z.number().positive(),
  networks: z
    .array(
      z.object({
        lr: z.number().positive(),
        validation: z.number(),
        best: validated,
        average: z.object({ validation: z.number(), best: validated }).nullable(),
      }),
    )
    .min(1),
});
type Weights = Readonly<Record<string, HostArray>>;

/** A network that was fine-tuned, as its trainer describes it, and its weights by path. */
export type FinetunedNetwork = z.infer<typeof classifierConfig>["networks"][number] & {
  readonly weights: Weights;
  /** The moving average of the weights; empty where there is none. */
  readonly averageWeights: Weights;
};

/** The networks of one arm of fine-tuning. */
export interface FinetunedArm {
  readonly config: VisionTransformerConfig;
  readonly classes: readonly string[];
  /** The learning rate that was best on validation. */
  readonly lr: number;
  /** Every network that was tried. */
  readonly networks: readonly FinetunedNetwork[];
}

/** Loads a `classifier` artifact, with all its networks. */
export async function loadFinetuned(store: Store, digest: string): Promise<FinetunedArm> {
  const { config, weights } = await loadModel(store, digest, ["classifier"], classifierConfig);
  const networks = config.networks.map((network, i) => ({
    ...network,
    weights: subtree(weights, `networks.${i}`),
    averageWeights: subtree(weights, `averages.${i}`),
  }));
  return { config: config.vit, classes: config.classes, lr: config.lr, networks };
}

/** A fine-tuned network's weights as tensors, which the caller frees. */
export function classifierOf(weights: Weights): Classifier {
  return tensorsOf<Classifier>(weights);
}

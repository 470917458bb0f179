import {
  type Codebook,
  type Features,
  initPatchDiscriminator,
  initVqAutoencoder,
  type PatchDiscriminator,
  unitRows,
  type VqAutoencoder,
} from "@peco/models";
import { type AdamWSlots, adamW, type Normalisation, type Optimizer } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import { type HostArray, type Key, random, tf } from "tfjs-libtensorflow";

/** What the training of the tokenizer keeps from step to step. */
export type CodebookState = {
  readonly autoencoder: VqAutoencoder;
  readonly codebook: Codebook;
  readonly slots: AdamWSlots;
  /** Ratio of the two losses at the first step, 0 before it; where the recipe's balance is `first-step`. */
  readonly balance?: tf.Scalar;
  readonly discriminator?: DiscriminatorState;
};

/** The discriminator and the moments of its optimizer. */
export type DiscriminatorState = { readonly params: PatchDiscriminator; readonly slots: AdamWSlots };

/** What the stage's recipe says about a step. */
export interface CodebookOptions {
  readonly recipe: Recipe["codebook"];
  readonly normalisation: Normalisation;
  readonly precision: Recipe["runtime"]["precision"];
  /** The frozen perceptual network. */
  readonly features: Features;
}

/** What the autoencoder's optimizer moves: the autoencoder, and codes that are learned. */
export type Moved = { readonly autoencoder: VqAutoencoder; readonly vectors?: tf.Tensor2D };

/** What the autoencoder's optimizer moves, by the recipe. */
export function movedParts(
  { codes }: Recipe["codebook"],
  { autoencoder, codebook }: Pick<CodebookState, "autoencoder" | "codebook">,
): Moved {
  return codes === "gradient" ? { autoencoder, vectors: codebook.vectors } : { autoencoder };
}

/** A fresh autoencoder by the recipe. */
export function initAutoencoder(recipe: Recipe["codebook"], key: Key): VqAutoencoder {
  return initVqAutoencoder(recipe, random.fold(key, "autoencoder"));
}

/** The discriminator's own Adam: rate and betas of the autoencoder's, neither decay nor clipping. */
export function discriminatorOptimizer({ optimizer }: Recipe["codebook"]): Optimizer<AdamWSlots> {
  return adamW({ betas: optimizer.betas, weightDecay: 0 });
}

/**
 * The state before the first step around an autoencoder and a codebook that has its first codes.
 * @param key from which a discriminator is drawn, if there is one
 */
export function initialCodebookState(
  recipe: Recipe["codebook"],
  autoencoder: VqAutoencoder,
  codebook: Codebook,
  key: Key = random.key(0),
): CodebookState {
  const parts = { autoencoder, codebook };
  return {
    ...parts,
    slots: adamW(recipe.optimizer).init(movedParts(recipe, parts)),
    ...(recipe.loss.balance === "first-step" && recipe.loss.perceptual > 0 && { balance: tf.scalar(0) }),
    ...(recipe.adversarial !== null && { discriminator: initDiscriminator(recipe, recipe.adversarial, key) }),
  };
}

function initDiscriminator(
  recipe: Recipe["codebook"],
  config: NonNullable<Recipe["codebook"]["adversarial"]>,
  key: Key,
): DiscriminatorState {
  const params = tf.tidy(() => initPatchDiscriminator(config, key) as unknown as tf.TensorContainer);
  const discriminator = params as unknown as PatchDiscriminator;
  return { params: discriminator, slots: discriminatorOptimizer(recipe).init(discriminator) };
}

/**
 * What a tokenizer keeps of the state, both by path: autoencoder and codebook. Learned codes of length 1 are divided by their lengths
 * wherever they are used, so that is how it gets them.
 */
export function tokenizerWeights(
  { codes, unitLength }: Pick<Recipe["codebook"], "codes" | "unitLength">,
  state: Readonly<Record<string, HostArray>>,
): Record<string, HostArray> {
  const kept = Object.fromEntries(Object.entries(state).filter(([path]) => /^(autoencoder|codebook)\./.test(path)));
  const vectors = kept["codebook.vectors"] as HostArray<"float32">;
  if (codes !== "gradient" || !unitLength) return kept;
  const unit = tf.tidy(() => unitRows(tf.tensor(vectors.data, [...vectors.shape])).dataSync<"float32">());
  return { ...kept, "codebook.vectors": { ...vectors, data: Float32Array.from(unit) } };
}

/** The perceptual distance at each layer, named by it. */
export function byLayer({ loss }: Recipe["codebook"], layers: readonly tf.Scalar[]): Record<string, tf.Scalar> {
  return Object.fromEntries(layers.map((distance, i) => [`perceptualLayer${loss.layers[i]}`, distance]));
}

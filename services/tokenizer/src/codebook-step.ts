import {
  type Codebook,
  codebookPerplexity,
  codebookUsage,
  codeCounts,
  type Features,
  initVqAutoencoder,
  restartDeadCodes,
  updateCodebook,
  type VqAutoencoder,
  vqLoss,
} from "@peco/models";
import { type AdamWSlots, adamW, type Normalisation, onlyIfFinite } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import type { StepBatch, StepMetrics } from "@peco/training";
import { autocast, type Key, random, type Step, tf, valueAndGrad } from "tfjs-libtensorflow";

/** What the training of the tokenizer keeps from step to step. */
export type CodebookState = {
  readonly autoencoder: VqAutoencoder;
  readonly codebook: Codebook;
  readonly slots: AdamWSlots;
};

/** What the stage's recipe says about this step. */
export interface CodebookOptions {
  readonly recipe: Recipe["codebook"];
  readonly normalisation: Normalisation;
  readonly precision: Recipe["runtime"]["precision"];
  /** The frozen perceptual network. */
  readonly features: Features;
}

/** The state before the first step around an autoencoder and a codebook that has its first codes. */
export function initialCodebookState(
  recipe: Recipe["codebook"],
  autoencoder: VqAutoencoder,
  codebook: Codebook,
): CodebookState {
  return { autoencoder, codebook, slots: adamW(recipe.optimizer).init(autoencoder) };
}

/** A fresh autoencoder by the recipe. */
export function initAutoencoder(recipe: Recipe["codebook"], key: Key): VqAutoencoder {
  return initVqAutoencoder(recipe, random.fold(key, "autoencoder"));
}

/**
 * One step of the VQ autoencoder: gradients for encoder and decoder, moving averages for the codes, then dead codes
 * start again at latents of this batch. A step that is not finite changes nothing. Its batch holds `images`, augmented,
 * 0..255, [batch, size, size, 3], and the scheduled `lr`.
 */
export function codebookStep({
  recipe,
  normalisation,
  precision,
  features,
}: CodebookOptions): Step<CodebookState, StepBatch, StepMetrics> {
  const optimizer = adamW(recipe.optimizer);
  const weights = { ...recipe.loss, commitment: recipe.commitment, normalisation };
  return (state, { data, hyper }, key) => {
    const images = data["images"] as tf.Tensor4D;
    const lr = hyper["lr"] as tf.Scalar;
    const { loss, aux, grad } = autocast(precision, () =>
      valueAndGrad((autoencoder: VqAutoencoder) => {
        const { loss, ...aux } = vqLoss(autoencoder, state.codebook.vectors, images, features, weights);
        return { loss, aux };
      })(state.autoencoder),
    );
    const { latents, indices, ...terms } = aux;
    const updated = optimizer.update(grad as VqAutoencoder, state.slots, state.autoencoder, { lr, loss });
    const { params: autoencoder, slots, gradNorm, finite } = updated;
    const moved = updateCodebook(state.codebook, latents, indices, { decay: recipe.decay, smoothing: 0 });
    const draws = restartDraws(random.fold(key, "restart"), latents.shape[0], recipe.size);
    const restarted = restartDeadCodes(moved, latents, draws, { below: recipe.restartBelow });
    const counts = codeCounts(indices, recipe.size);
    const shown = { ...terms, usage: codebookUsage(counts), perplexity: codebookPerplexity(counts) };
    return {
      state: { autoencoder, codebook: onlyIfFinite(finite, restarted, state.codebook), slots },
      metrics: { loss, gradNorm, finite, ...shown },
    };
  };
}

/** A latent for each code, none twice, so that two dead codes do not start as one. */
function restartDraws(key: Key, latents: number, codes: number): tf.Tensor1D {
  return tf.slice(random.permutation(key, latents), 0, codes);
}

import {
  adaptiveWeight,
  decode,
  discriminate,
  firstRatio,
  hingeLoss,
  lastKernel,
  type PatchDiscriminator,
  reconstruct,
  reconstructionTerms,
  weightedCodeTerms,
  weightedTerms,
  withLastKernel,
} from "@peco/models";
import type { Hyper } from "@peco/training";
import { tf, valueAndGrad } from "tfjs-libtensorflow";
import {
  byLayer,
  type CodebookOptions,
  type CodebookState,
  type DiscriminatorState,
  discriminatorOptimizer,
  type Moved,
  movedParts,
} from "./codebook-state.ts";
import type { CodebookGradients } from "./codebook-step.ts";

/**
 * The gradients of VQGAN's loss (Esser et al. 2021): the reconstruction's own terms plus the adversarial one, whose weight is the
 * recipe's times the ratio of both gradients at the decoder's last kernel. Both gradients are taken at the reconstruction first, and
 * their weighted sum is then sent back through the autoencoder once. The discriminator is moved on the same reconstruction, held fixed.
 * `hyper.adversarial` is 0 before the recipe's first step of it and 1 from there on.
 */
export function adversarialGradients(
  { recipe, normalisation, features }: CodebookOptions,
  state: CodebookState,
  images: tf.Tensor4D,
  hyper: Hyper,
): CodebookGradients {
  const on = hyper["adversarial"] as tf.Scalar;
  const original = tf.cast(images, "float32");
  const { params: discriminator, slots } = state.discriminator as DiscriminatorState;
  const moved = movedParts(recipe, state);
  const through = (parts: Moved) =>
    reconstruct({ vectors: state.codebook.vectors, ...parts }, original, recipe, normalisation);
  const { reconstruction: x, quantised } = through(moved);

  const judged = valueAndGrad((x: tf.Tensor4D) => {
    const terms = reconstructionTerms(x, original, features, recipe.loss);
    const balance = state.balance === undefined ? null : firstRatio(state.balance, terms);
    return { loss: tf.addN<tf.Scalar>(weightedTerms(terms, recipe.loss, balance)), aux: { ...terms, balance } };
  })(x);
  const fooling = valueAndGrad((x: tf.Tensor4D) => ({
    loss: tf.neg(tf.mean<tf.Scalar>(discriminate(discriminator, x))),
    aux: {},
  }))(x);
  const atLastKernel = (gradient: tf.Tensor) =>
    valueAndGrad((kernel: tf.Tensor4D) => {
      const decoded = decode(withLastKernel(state.autoencoder, kernel), quantised, normalisation);
      return { loss: tf.sum<tf.Scalar>(tf.mul(decoded, gradient)), aux: {} };
    })(lastKernel(state.autoencoder)).grad;
  const adaptive = adaptiveWeight(atLastKernel(judged.grad), atLastKernel(fooling.grad));
  const weight = tf.mul<tf.Scalar>(tf.mul(adaptive, recipe.adversarial?.weight ?? 0), on);

  const direction = tf.add(judged.grad, tf.mul(fooling.grad, weight));
  const back = valueAndGrad((parts: Moved) => {
    const { reconstruction, ...aux } = through(parts);
    const codes = weightedCodeTerms(aux, recipe);
    return { loss: tf.addN<tf.Scalar>([tf.sum(tf.mul(reconstruction, direction)), ...codes]), aux };
  })(moved);
  const { commitment, codebook, latents, indices } = back.aux;

  const seen = valueAndGrad((params: PatchDiscriminator) => ({
    loss: tf.mul<tf.Scalar>(hingeLoss(discriminate(params, original), discriminate(params, x)), on),
    aux: {},
  }))(discriminator);
  const codes = weightedCodeTerms({ commitment, codebook }, recipe);
  const loss = tf.addN<tf.Scalar>([judged.loss, tf.mul(fooling.loss, weight), ...codes]);
  // a discriminator that is not finite must hold the whole step back
  const both = tf.add<tf.Scalar>(loss, tf.mul(seen.loss, 0));
  const updated = discriminatorOptimizer(recipe).update(seen.grad as PatchDiscriminator, slots, discriminator, {
    lr: hyper["lr"] as tf.Scalar,
    loss: both,
  });
  const held = tf.where<tf.Scalar>(tf.greater(updated.finite, 0), tf.scalar(0), tf.scalar(Number.NaN));
  const { pixel, perceptual, layers, balance } = judged.aux;
  return {
    grad: back.grad as Moved,
    terms: {
      loss: tf.add(loss, held),
      pixel,
      perceptual,
      commitment,
      ...(codebook !== null && { codebook }),
      ...byLayer(recipe, layers),
      adversarial: fooling.loss,
      adversarialWeight: weight,
      discriminator: seen.loss,
      discriminatorGradNorm: updated.gradNorm,
    },
    latents,
    indices,
    discriminator: { params: updated.params, slots: updated.slots },
    ...(balance !== null && { balance }),
  };
}

import {
  type CodeStatistics,
  codebookPerplexity,
  codebookUsage,
  codeStatistics,
  deadCodes,
  restartDeadCodes,
  updateCodebook,
  vqLoss,
} from "@peco/models";
import { adamW, onlyIfFinite } from "@peco/nn";
import type { DivisibleStep } from "@peco/training";
import { autocast, type Key, random, tf, valueAndGrad } from "tfjs-libtensorflow";
import { adversarialGradients } from "./adversarial.ts";
import {
  byLayer,
  type CodebookOptions,
  type CodebookState,
  type DiscriminatorState,
  type Moved,
  movedParts,
} from "./codebook-state.ts";

/** What pictures give towards a step, averaged over the parts of a batch. The last two exist only for whole batches. */
export type CodebookMeans = {
  readonly grad: Moved;
  readonly terms: Readonly<Record<string, tf.Scalar>> & { readonly loss: tf.Scalar };
  readonly balance?: tf.Scalar;
  readonly discriminator?: DiscriminatorState;
};

/** What pictures give towards a step, added up over the parts of a batch. */
export type CodebookSums = {
  readonly statistics: CodeStatistics;
  /**
   * The latent drawn for each code in case that it is dead, [codes, width]; zero where it lies in another part. Absent where codes never
   * start anew.
   */
  readonly drawn?: tf.Tensor2D;
};

/** Gradients of the loss, its terms, and the latents [n, width] with their codes. */
export type CodebookGradients = CodebookMeans & { readonly latents: tf.Tensor2D; readonly indices: tf.Tensor1D };

/**
 * One step of the VQ autoencoder: gradients for encoder and decoder (and for codes that are learned), moving averages for the codes,
 * then dead codes start again at latents of this batch. A step that is not finite changes nothing. Its batch holds `images`, augmented,
 * 0..255, [batch, size, size, 3], and the scheduled `lr`; with a discriminator, `adversarial` is 0 or 1 for its being off or on. In
 * parts, the codes' statistics are added up over the batch and the codes move once, as they would by the batch as a whole.
 */
export function codebookStep(options: CodebookOptions): DivisibleStep<CodebookState, CodebookMeans, CodebookSums> {
  const { recipe, precision } = options;
  const optimizer = adamW(recipe.optimizer);
  return {
    contribution(state, batch, key) {
      const images = batch.data["images"] as tf.Tensor4D;
      const { latents, indices, ...means } = autocast(precision, () =>
        recipe.adversarial === null
          ? reconstructionGradients(options, state, images)
          : adversarialGradients(options, state, images, batch.hyper),
      );
      const statistics = codeStatistics(latents, indices, recipe.size);
      if (recipe.restartBelow === 0) return { weight: tf.scalar(1), means, sums: { statistics } };
      const drawn = drawnLatents(latents, images.shape[0], random.fold(key, "restart"), recipe, batch.places);
      return { weight: tf.scalar(1), means, sums: { statistics, drawn } };
    },
    update(state, { means: { grad, terms, balance, discriminator }, sums }, hyper) {
      const at = { lr: hyper["lr"] as tf.Scalar, loss: terms.loss };
      const { params, slots, gradNorm, finite } = optimizer.update(grad, state.slots, movedParts(recipe, state), at);
      const learned = params.vectors === undefined ? state.codebook : { ...state.codebook, vectors: params.vectors };
      const moved = updateCodebook(learned, sums.statistics, recipe);
      const { counts } = sums.statistics;
      const restart = { below: recipe.restartBelow, evenLoad: tf.div<tf.Scalar>(tf.sum(counts), recipe.size) };
      const dead = tf.sum<tf.Scalar>(tf.cast(deadCodes(moved, restart), "float32"));
      const codebook = sums.drawn === undefined ? moved : restartDeadCodes(moved, sums.drawn, restart);
      return {
        state: {
          autoencoder: params.autoencoder,
          codebook: onlyIfFinite(finite, codebook, state.codebook),
          slots,
          ...(balance !== undefined && { balance: onlyIfFinite(finite, balance, state.balance as tf.Scalar) }),
          ...(discriminator !== undefined && {
            discriminator: onlyIfFinite(finite, discriminator, state.discriminator as DiscriminatorState),
          }),
        },
        metrics: {
          ...terms,
          gradNorm,
          finite,
          usage: codebookUsage(counts),
          perplexity: codebookPerplexity(counts),
          dead,
        },
      };
    },
  };
}

function reconstructionGradients(
  { recipe, normalisation, features }: CodebookOptions,
  state: CodebookState,
  images: tf.Tensor4D,
): CodebookGradients {
  const settings = { ...recipe, normalisation, balance: state.balance };
  const { loss, aux, grad } = valueAndGrad((moved: Moved) => {
    const { loss, ...aux } = vqLoss({ vectors: state.codebook.vectors, ...moved }, images, features, settings);
    return { loss, aux };
  })(movedParts(recipe, state));
  const { latents, indices, layers, balance, pixel, perceptual, commitment, codebook } = aux;
  const terms = { loss, pixel, perceptual, commitment, ...(codebook !== null && { codebook }) };
  return {
    grad: grad as Moved,
    terms: { ...terms, ...byLayer(recipe, layers) },
    latents,
    indices,
    ...(balance !== null && { balance }),
  };
}

/**
 * A latent for each code, none twice, so that two dead codes do not start as one: row k of [codes, width] is the one drawn for code k.
 * @param places of these pictures in the whole batch; undefined: they are the whole batch
 */
function drawnLatents(
  latents: tf.Tensor2D,
  pictures: number,
  key: Key,
  { size, batch }: CodebookOptions["recipe"],
  places: tf.Tensor1D | undefined,
): tf.Tensor2D {
  const perPicture = latents.shape[0] / pictures;
  const all = (places === undefined ? pictures : batch) * perPicture;
  const rows = tf.slice(random.permutation(key, all), 0, size) as tf.Tensor1D;
  if (places === undefined) return tf.gather(latents, rows);
  const picture = tf.floorDiv(rows, tf.scalar(perPicture, "int32"));
  const here = tf.equal(tf.expandDims(picture, 1), tf.expandDims(places, 0));
  const row = tf.add(tf.mul(tf.argMax(here, 1), perPicture), tf.mod(rows, tf.scalar(perPicture, "int32")));
  const own = tf.gather(latents, tf.cast(row, "int32") as tf.Tensor1D);
  return tf.mul(own, tf.cast(tf.any(here, 1, true), "float32"));
}

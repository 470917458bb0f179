import { type Affine, batchNorm, initConv2d } from "@peco/nn";
import { type Key, random, tf } from "tfjs-libtensorflow";

/** One 4x4 convolution of the discriminator; with a batch norm after it, it has no bias. */
export type DiscriminatorLayer = { readonly kernel: tf.Tensor4D; readonly bias?: tf.Tensor1D; readonly norm?: Affine };

/** Parameters of the PatchGAN discriminator. */
export type PatchDiscriminator = readonly DiscriminatorLayer[];

/** Shape of the discriminator. */
export interface PatchDiscriminatorConfig {
  /** Channels of the first convolution; each further one has twice as many, up to 8 times. */
  readonly channels: number;
  /** Convolutions of stride 2; two of stride 1 follow. */
  readonly layers: number;
}

const slope = 0.2;

/** Fresh parameters as VQGAN starts them: kernels N(0, .02), scales of norms N(1, .02), biases of norms 0. */
export function initPatchDiscriminator({ channels, layers }: PatchDiscriminatorConfig, key: Key): PatchDiscriminator {
  const outputs = [...Array.from({ length: layers + 1 }, (_, i) => channels * Math.min(2 ** i, 8)), 1];
  return outputs.map((count, i) => {
    const own = random.fold(key, i);
    const inputs = outputs[i - 1] ?? 3;
    const kernel = tf.mul<tf.Tensor4D>(random.normal(random.fold(own, "kernel"), [4, 4, inputs, count]), 0.02);
    if (i === 0 || i === outputs.length - 1) {
      return { kernel, bias: initConv2d(own, { kernel: 4, inputs, outputs: count }).bias };
    }
    const scale = tf.add<tf.Tensor1D>(tf.mul(random.normal(random.fold(own, "scale"), [count]), 0.02), 1);
    return { kernel, norm: { scale, bias: tf.zeros([count]) } };
  });
}

/**
 * How real each overlapping patch of pictures (values 0..255) looks, [batch, rows, columns, 1]: PatchGAN (Isola et al. 2017) as in
 * VQGAN, with leaky ReLU, a padding of 1, and batch norms by the statistics of this call.
 */
export function discriminate(discriminator: PatchDiscriminator, pictures: tf.Tensor4D): tf.Tensor4D {
  const last = discriminator.length - 1;
  return discriminator.reduce(
    (x, { kernel, bias, norm }, i) => {
      const padded = tf.pad(x, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ]);
      const y = tf.conv2d(padded, kernel, i < last - 1 ? 2 : 1, "valid");
      const z = bias === undefined ? y : tf.add<tf.Tensor4D>(y, bias);
      const normal = norm === undefined ? z : normalised(norm, z);
      return i === last ? normal : tf.leakyRelu(normal, slope);
    },
    tf.sub<tf.Tensor4D>(tf.div(pictures, 127.5), 1),
  );
}

function normalised(norm: Affine, x: tf.Tensor4D): tf.Tensor4D {
  return tf.reshape(batchNorm(norm, tf.reshape(x, [-1, x.shape[3]])), x.shape);
}

/** The hinge loss of the discriminator: (mean relu(1 - D(x)) + mean relu(1 + D(x'))) / 2. */
export function hingeLoss(real: tf.Tensor, fake: tf.Tensor): tf.Scalar {
  const mean = (margins: tf.Tensor) => tf.mean<tf.Scalar>(tf.relu(margins));
  return tf.div(tf.add(mean(tf.sub(1, real)), mean(tf.add(1, fake))), 2);
}

/** The weight of the adversarial loss, before the recipe's own: |grad nll| / (|grad g| + 1e-4), at most 10^4, by the last kernel. */
export function adaptiveWeight(reconstruction: tf.Tensor, adversarial: tf.Tensor): tf.Scalar {
  const norm = (gradient: tf.Tensor) => tf.sqrt<tf.Scalar>(tf.sum(tf.square(gradient)));
  return tf.clipByValue(tf.div<tf.Scalar>(norm(reconstruction), tf.add(norm(adversarial), 1e-4)), 0, 1e4);
}

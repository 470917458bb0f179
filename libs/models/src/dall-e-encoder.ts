import { type Conv2d, conv2d } from "@peco/nn";
import { autocast, tf } from "tfjs-libtensorflow";

/**
 * The encoder of DALL-E's discrete VAE (Ramesh et al. 2021), whose tokens BEiT predicts: a 7x7 convolution, groups of
 * bottleneck blocks with a max pool of 2 between them, a 1x1 convolution to one logit a code. The structure is that of
 * openai/DALL-E, dall_e/encoder.py (Modified MIT licence), written anew.
 */
export type DallEEncoder = {
  readonly input: Conv2d;
  readonly groups: readonly (readonly DallEBlock[])[];
  readonly output: Conv2d;
};

/** A bottleneck block: ReLU before each of three 3x3 convolutions and a 1x1 one; `shortcut` where the channels change. */
export type DallEBlock = {
  readonly shortcut?: Conv2d;
  readonly path: readonly [Conv2d, Conv2d, Conv2d, Conv2d];
};

/** Tokens of pictures with values 0..255, [batch, height, width, 3]: int32 [batch, height / 8, width / 8]. */
export function dallEEncoder(encoder: DallEEncoder, pictures: tf.Tensor4D): tf.Tensor3D {
  return tf.argMax(dallELogits(encoder, pictures), -1);
}

/** The logits of every code, [batch, rows, columns, codes]: float32, whatever the autocast. */
export function dallELogits({ input, groups, output }: DallEEncoder, pictures: tf.Tensor4D): tf.Tensor4D {
  return autocast("float32", () => {
    const gain = 1 / groups.reduce((blocks, group) => blocks + group.length, 0) ** 2;
    const start = conv2d(input, mapPixels(pictures));
    const last = groups.reduce<tf.Tensor4D>((x, group, i) => {
      const pooled = i === 0 ? x : tf.maxPool(x, 2, 2, "valid");
      return group.reduce((y, block) => bottleneck(block, y, gain), pooled);
    }, start);
    return conv2d(output, tf.relu(last));
  });
}

/** DALL-E's own preparation: x in [0, 1] to .8 x + .1, which its logit-Laplace likelihood wants. */
function mapPixels(pictures: tf.Tensor4D): tf.Tensor4D {
  return tf.add(tf.mul(tf.cast(pictures, "float32"), 0.8 / 255), 0.1);
}

/** The shortcut plus `gain` times the path. */
function bottleneck({ shortcut, path }: DallEBlock, x: tf.Tensor4D, gain: number): tf.Tensor4D {
  const changed = path.reduce((y, convolution) => conv2d(convolution, tf.relu(y)), x);
  return tf.add(shortcut === undefined ? x : conv2d(shortcut, x), tf.mul(changed, gain));
}

import { type Conv2d, conv2d, type Normalisation, normalisePictures } from "@peco/nn";
import { autocast, tf } from "tfjs-libtensorflow";
import type { Features } from "./vq-loss.ts";

/**
 * The convolutions of VGG-16 (Simonyan and Zisserman 2015) in five blocks, 3x3 each with a ReLU, and, where a distance was
 * learned on top (LPIPS, Zhang et al. 2018), a weight of at least 0 for each channel of each block's output.
 */
export type Vgg16 = {
  readonly blocks: readonly (readonly Conv2d[])[];
  readonly channelWeights?: readonly tf.Tensor1D[];
};

/** Number of convolutions in each block. */
export const vgg16Convolutions = [2, 2, 3, 3, 3] as const;
/** Channels of each block. */
export const vgg16Widths = [64, 128, 256, 512, 512] as const;

/**
 * The features of LPIPS: outputs of the blocks `layers` (from 1: relu1_2, relu2_2, relu3_3, relu4_3, relu5_3), each place
 * divided by its length over the channels, times the roots of the channels' weights and of their number. So the mean squared
 * difference of two pictures' features is LPIPS's term of that layer, and the sum over all five is LPIPS. Without learned
 * weights it is what LPIPS calls its baseline. Parameters are constants: gradients flow into the pictures alone.
 *
 * @param normalisation ImageNet's mean and deviation, which equal LPIPS's shift and scale of pictures in [-1, 1]
 * @returns features as [batch, places, channels]; pictures need 16 pixels a side for the fifth
 */
export function lpipsFeatures(vgg: Vgg16, normalisation: Normalisation, layers: readonly number[]): Features {
  const depth = Math.max(...layers);
  return (pictures) => {
    const outputs = blockOutputs(vgg.blocks.slice(0, depth), normalisePictures(pictures, normalisation));
    return layers.map((layer) => comparable(outputs[layer - 1] as tf.Tensor4D, vgg.channelWeights?.[layer - 1]));
  };
}

/** The output of every block, [batch, height, width, channels]; between blocks a max pool of 2. */
function blockOutputs(blocks: Vgg16["blocks"], normalised: tf.Tensor4D): tf.Tensor4D[] {
  let x = normalised;
  return blocks.map((convolutions, i) => {
    const pooled = i === 0 ? x : tf.maxPool(x, 2, 2, "valid");
    x = convolutions.reduce((y, convolution) => tf.relu(conv2d(convolution, y)), pooled);
    return x;
  });
}

function comparable(output: tf.Tensor4D, weights: tf.Tensor1D | undefined): tf.Tensor3D {
  const [batch, height, width, channels] = output.shape;
  return autocast("float32", () => {
    const places = tf.reshape<tf.Rank.R3>(output, [batch, height * width, channels]);
    // LPIPS divides by sqrt(sum) + 1e-10, whose gradient is not finite at a place without any feature; 1e-20 mends it.
    const lengths = tf.add(tf.sqrt(tf.add(tf.sum(tf.square(places), -1, true), 1e-20)), 1e-10);
    const units = tf.div<tf.Tensor3D>(places, lengths);
    return weights === undefined
      ? tf.mul(units, Math.sqrt(channels))
      : tf.mul(units, tf.sqrt(tf.mul(weights, channels)));
  });
}

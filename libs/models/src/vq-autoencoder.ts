import {
  type Conv2d,
  conv2d,
  conv2dTranspose,
  initConv2d,
  initConv2dTranspose,
  type Normalisation,
  normalisePictures,
} from "@peco/nn";
import { type Key, random, tf } from "tfjs-libtensorflow";
import { nearestCodes } from "./codebook.ts";
import { decodeVqgan, encodeVqgan, initVqgan, type VqganAutoencoder } from "./vqgan.ts";

/** Shape of the autoencoder. The codebook's own size is no part of it. */
export interface VqAutoencoderConfig {
  /** Channels after each stride-2 convolution; the token grid is the picture divided by 2 ** channels.length. */
  readonly channels: readonly number[];
  /** plain: ReLU and convolutions. vqgan: group norm, swish and residual blocks at every resolution. */
  readonly blocks: "plain" | "vqgan";
  /** plain: residual blocks on the token grid, in the encoder and again in the decoder. vqgan: at every resolution. */
  readonly residualBlocks: number;
  /** Whether there is self-attention at the lowest resolution; for `vqgan`. */
  readonly attention: boolean;
  /** Width of a latent and of a code. */
  readonly width: number;
}

/** ReLU, 3x3 convolution, ReLU, 1x1 convolution, added to the input. */
type ResidualBlock = readonly [Conv2d, Conv2d];

/** Parameters of the plain autoencoder. A file of weights has no `blocks` where there are none. */
export type PlainAutoencoder = {
  readonly encoder: {
    readonly down: readonly Conv2d[];
    readonly blocks?: readonly ResidualBlock[];
    readonly out: Conv2d;
  };
  readonly decoder: { readonly in: Conv2d; readonly blocks?: readonly ResidualBlock[]; readonly up: readonly Conv2d[] };
};

/** Parameters of the VQ autoencoder, all float32. */
export type VqAutoencoder = PlainAutoencoder | VqganAutoencoder;

/** Fresh parameters. */
export function initVqAutoencoder(config: VqAutoencoderConfig, key: Key): VqAutoencoder {
  return config.blocks === "vqgan" ? initVqgan(config, key) : initPlain(config, key);
}

/** The last convolution of every residual block starts at zero, so that a block starts as the identity. */
function initPlain(config: VqAutoencoderConfig, key: Key): PlainAutoencoder {
  const { channels, residualBlocks, width } = config;
  const inner = channels.at(-1) as number;
  const part = (...name: (string | number)[]) => random.fold(key, ...name);
  const blocks = (side: string) =>
    Array.from(
      { length: residualBlocks },
      (_, i): ResidualBlock => [
        initConv2d(part(side, "blocks", i), { kernel: 3, inputs: inner, outputs: inner }),
        { kernel: tf.zeros([1, 1, inner, inner]), bias: tf.zeros([inner]) },
      ],
    );
  return {
    encoder: {
      down: channels.map((outputs, i) =>
        initConv2d(part("encoder", "down", i), { kernel: 4, inputs: channels[i - 1] ?? 3, outputs }),
      ),
      blocks: blocks("encoder"),
      out: initConv2d(part("encoder", "out"), { kernel: 1, inputs: inner, outputs: width }),
    },
    decoder: {
      in: initConv2d(part("decoder", "in"), { kernel: 3, inputs: width, outputs: inner }),
      blocks: blocks("decoder"),
      up: channels
        .toReversed()
        .map((inputs, i) =>
          initConv2dTranspose(part("decoder", "up", i), { kernel: 4, inputs, outputs: channels.at(-2 - i) ?? 3 }),
        ),
    },
  };
}

/** Latents [batch, rows, columns, width] of pictures with values 0..255, [batch, height, width, 3]. */
export function encode(autoencoder: VqAutoencoder, pictures: tf.Tensor4D, normalisation: Normalisation): tf.Tensor4D {
  let x = normalisePictures(pictures, normalisation);
  if (isVqgan(autoencoder)) return encodeVqgan(autoencoder, x);
  const { encoder } = autoencoder;
  encoder.down.forEach((down, i) => {
    x = conv2d(down, i === 0 ? x : tf.relu(x), { stride: 2 });
  });
  return conv2d(encoder.out, residual(encoder.blocks, x));
}

/**
 * Pictures [batch, height, width, 3] from quantised latents [batch, rows, columns, width]. Values lie around 0..255;
 * they are not cut off, so that gradients pass.
 */
export function decode(autoencoder: VqAutoencoder, latents: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  const x = isVqgan(autoencoder) ? decodeVqgan(autoencoder, latents) : decodePlain(autoencoder, latents);
  const [scale, shift] = [std, mean].map((channels) => tf.tensor1d(channels.map((value) => 255 * value)));
  return tf.add(tf.mul(x, scale as tf.Tensor1D), shift as tf.Tensor1D);
}

function decodePlain({ decoder }: PlainAutoencoder, latents: tf.Tensor4D): tf.Tensor4D {
  let x = residual(decoder.blocks, conv2d(decoder.in, latents));
  decoder.up.forEach((up, i) => {
    x = conv2dTranspose(up, i === 0 ? x : tf.relu(x), { stride: 2 });
  });
  return x;
}

function residual(blocks: readonly ResidualBlock[] = [], x: tf.Tensor4D): tf.Tensor4D {
  return blocks.reduce((y, [first, second]) => tf.add(y, conv2d(second, tf.relu(conv2d(first, tf.relu(y))))), x);
}

function isVqgan(autoencoder: VqAutoencoder): autoencoder is VqganAutoencoder {
  return "middle" in autoencoder.encoder;
}

/** The kernel of the decoder's last convolution, by whose gradients VQGAN balances its adversarial loss. */
export function lastKernel(autoencoder: VqAutoencoder): tf.Tensor4D {
  if (isVqgan(autoencoder)) return autoencoder.decoder.out.kernel;
  return (autoencoder.decoder.up.at(-1) as Conv2d).kernel;
}

/** The same autoencoder with another last kernel. */
export function withLastKernel(autoencoder: VqAutoencoder, kernel: tf.Tensor4D): VqAutoencoder {
  if (isVqgan(autoencoder)) {
    const { encoder, decoder } = autoencoder;
    return { encoder, decoder: { ...decoder, out: { ...decoder.out, kernel } } };
  }
  const { encoder, decoder } = autoencoder;
  const last = decoder.up.at(-1) as Conv2d;
  return { encoder, decoder: { ...decoder, up: [...decoder.up.slice(0, -1), { ...last, kernel }] } };
}

/** Visual tokens of pictures with values 0..255: the nearest code of each latent, int32 [batch, rows, columns]. */
export function encodeTokens(
  autoencoder: VqAutoencoder,
  vectors: tf.Tensor2D,
  pictures: tf.Tensor4D,
  normalisation: Normalisation,
): tf.Tensor3D {
  const latents = encode(autoencoder, pictures, normalisation);
  const [batch, rows, columns, width] = latents.shape;
  return tf.reshape(nearestCodes(tf.reshape(latents, [-1, width]), vectors), [batch, rows, columns]);
}

/** The pictures that tokens (int32 [batch, rows, columns]) stand for, as `decode` gives them. */
export function decodeTokens(
  autoencoder: VqAutoencoder,
  vectors: tf.Tensor2D,
  tokens: tf.Tensor3D,
  normalisation: Normalisation,
): tf.Tensor4D {
  return decode(autoencoder, tf.gather(vectors, tokens) as tf.Tensor as tf.Tensor4D, normalisation);
}

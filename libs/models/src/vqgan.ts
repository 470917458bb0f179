/**
 * VQGAN's autoencoder (Esser et al. 2021, taming-transformers' `Encoder` and `Decoder`): group norm, swish, residual blocks
 * at every resolution, self-attention at the lowest, nearest-neighbour upsampling.
 */
import { type Affine, type Conv2d, conv2d, groupNorm, initAffine, initConv2d } from "@peco/nn";
import { type Key, random, tf } from "tfjs-libtensorflow";

/** Group norm, swish, 3x3 convolution, twice; added to the input, through a 1x1 convolution where the channels change. */
export type ResnetBlock = {
  readonly norm1: Affine;
  readonly conv1: Conv2d;
  readonly norm2: Affine;
  readonly conv2: Conv2d;
  readonly shortcut?: Conv2d;
};
/** Single-head self-attention over the places of a picture, by 1x1 convolutions, added to the input. */
export type AttentionBlock = {
  readonly norm: Affine;
  readonly query: Conv2d;
  readonly key: Conv2d;
  readonly value: Conv2d;
  readonly out: Conv2d;
};
/** The blocks of one resolution, each followed by its attention where there is any; `resample` leads to the next. */
export type VqganLevel = {
  readonly blocks: readonly ResnetBlock[];
  readonly attention?: readonly AttentionBlock[];
  readonly resample?: Conv2d;
};
/** What lies at the lowest resolution between encoder and latents, and between latents and decoder. */
export type VqganMiddle = {
  readonly first: ResnetBlock;
  readonly attention?: AttentionBlock;
  readonly second: ResnetBlock;
};
/** Parameters of encoder or decoder; `levels` in the order in which they are computed. `quant` is the 1x1 convolution next to the codes. */
export type VqganSide = {
  readonly in: Conv2d;
  readonly levels: readonly VqganLevel[];
  readonly middle: VqganMiddle;
  readonly norm: Affine;
  readonly out: Conv2d;
  readonly quant: Conv2d;
};
/** Parameters of the whole autoencoder, all float32. */
export type VqganAutoencoder = { readonly encoder: VqganSide; readonly decoder: VqganSide };

/** Shape of the autoencoder. */
export interface VqganConfig {
  /** Channels after each downsampling; the full resolution has the first number, too. */
  readonly channels: readonly number[];
  /** Residual blocks at each resolution of the encoder; the decoder has one more. */
  readonly residualBlocks: number;
  /** Whether there is self-attention at the lowest resolution: after each of its blocks, and in the middle. */
  readonly attention: boolean;
  /** Width of a latent and of a code. */
  readonly width: number;
}

/** Fresh parameters, as PyTorch starts its layers. */
export function initVqgan(config: VqganConfig, key: Key): VqganAutoencoder {
  const channels = [config.channels[0] as number, ...config.channels];
  const lowest = channels.at(-1) as number;
  const side = (name: "encoder" | "decoder"): VqganSide => {
    const own = random.fold(key, name);
    const [inputs, outputs] = name === "encoder" ? [3, config.width] : [config.width, 3];
    const first = name === "encoder" ? (channels[0] as number) : lowest;
    const last = name === "encoder" ? lowest : (channels[0] as number);
    return {
      in: initConv2d(random.fold(own, "in"), { kernel: 3, inputs, outputs: first }),
      levels: initLevels(config, name === "encoder" ? channels : channels.toReversed(), name, own),
      middle: initMiddle(lowest, config.attention, random.fold(own, "middle")),
      norm: initAffine(last),
      out: initConv2d(random.fold(own, "out"), { kernel: 3, inputs: last, outputs }),
      quant: initConv2d(random.fold(own, "quant"), { kernel: 1, inputs: config.width, outputs: config.width }),
    };
  };
  return { encoder: side("encoder"), decoder: side("decoder") };
}

function initLevels(
  { residualBlocks, attention }: VqganConfig,
  channels: readonly number[],
  side: "encoder" | "decoder",
  key: Key,
): VqganLevel[] {
  const lowest = side === "encoder" ? channels.length - 1 : 0;
  const count = side === "encoder" ? residualBlocks : residualBlocks + 1;
  return channels.map((outputs, i) => {
    const own = random.fold(key, "levels", i);
    const before = channels[i - 1] ?? outputs;
    const numbers = Array.from({ length: count }, (_, block) => block);
    return {
      blocks: numbers.map((j) => initResnetBlock(j === 0 ? before : outputs, outputs, random.fold(own, "blocks", j))),
      ...(attention &&
        i === lowest && { attention: numbers.map((j) => initAttention(outputs, random.fold(own, "attention", j))) }),
      ...(i < channels.length - 1 && {
        resample: initConv2d(random.fold(own, "resample"), { kernel: 3, inputs: outputs, outputs }),
      }),
    };
  });
}

function initMiddle(channels: number, attention: boolean, key: Key): VqganMiddle {
  return {
    first: initResnetBlock(channels, channels, random.fold(key, "first")),
    ...(attention && { attention: initAttention(channels, random.fold(key, "attention")) }),
    second: initResnetBlock(channels, channels, random.fold(key, "second")),
  };
}

function initResnetBlock(inputs: number, outputs: number, key: Key): ResnetBlock {
  return {
    norm1: initAffine(inputs),
    conv1: initConv2d(random.fold(key, "conv1"), { kernel: 3, inputs, outputs }),
    norm2: initAffine(outputs),
    conv2: initConv2d(random.fold(key, "conv2"), { kernel: 3, inputs: outputs, outputs }),
    ...(inputs !== outputs && { shortcut: initConv2d(random.fold(key, "shortcut"), { kernel: 1, inputs, outputs }) }),
  };
}

function initAttention(channels: number, key: Key): AttentionBlock {
  const conv = (name: string) => initConv2d(random.fold(key, name), { kernel: 1, inputs: channels, outputs: channels });
  return { norm: initAffine(channels), query: conv("query"), key: conv("key"), value: conv("value"), out: conv("out") };
}

/** Latents [batch, rows, columns, width] of normalised pictures [batch, height, width, 3]. */
export function encodeVqgan({ encoder }: VqganAutoencoder, pictures: tf.Tensor4D): tf.Tensor4D {
  let x = conv2d(encoder.in, pictures);
  for (const level of encoder.levels) {
    x = throughLevel(level, x);
    // "same" pads an even side by one pixel after it, as taming's (0, 1, 0, 1) does
    if (level.resample !== undefined) x = conv2d(level.resample, x, { stride: 2 });
  }
  x = throughMiddle(encoder.middle, x);
  return conv2d(encoder.quant, conv2d(encoder.out, swish(groupNorm(encoder.norm, x))));
}

/** Normalised pictures [batch, height, width, 3] from quantised latents [batch, rows, columns, width]. */
export function decodeVqgan({ decoder }: VqganAutoencoder, latents: tf.Tensor4D): tf.Tensor4D {
  let x = throughMiddle(decoder.middle, conv2d(decoder.in, conv2d(decoder.quant, latents)));
  for (const level of decoder.levels) {
    x = throughLevel(level, x);
    if (level.resample !== undefined) x = conv2d(level.resample, twice(x));
  }
  return conv2d(decoder.out, swish(groupNorm(decoder.norm, x)));
}

function throughLevel({ blocks, attention }: VqganLevel, x: tf.Tensor4D): tf.Tensor4D {
  return blocks.reduce((y, block, i) => {
    const z = throughResnetBlock(block, y);
    return attention === undefined ? z : throughAttention(attention[i] as AttentionBlock, z);
  }, x);
}

function throughMiddle({ first, attention, second }: VqganMiddle, x: tf.Tensor4D): tf.Tensor4D {
  const y = throughResnetBlock(first, x);
  return throughResnetBlock(second, attention === undefined ? y : throughAttention(attention, y));
}

function throughResnetBlock(
  { norm1, conv1, norm2, conv2: second, shortcut }: ResnetBlock,
  x: tf.Tensor4D,
): tf.Tensor4D {
  const y = conv2d(second, swish(groupNorm(norm2, conv2d(conv1, swish(groupNorm(norm1, x))))));
  return tf.add(shortcut === undefined ? x : conv2d(shortcut, x), y);
}

function throughAttention(block: AttentionBlock, x: tf.Tensor4D): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const normal = groupNorm(block.norm, x);
  const places = (conv: Conv2d) => tf.reshape<tf.Rank.R3>(conv2d(conv, normal), [batch, height * width, channels]);
  const scores = tf.matMul(tf.mul(places(block.query), channels ** -0.5), places(block.key), false, true);
  const mixed = tf.matMul(tf.softmax(scores), places(block.value));
  return tf.add(x, conv2d(block.out, tf.reshape(mixed, [batch, height, width, channels])));
}

/** x sigmoid(x). */
function swish(x: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(x, tf.sigmoid(x));
}

/** Twice as many pixels either way, each four times. Copies laid side by side, whose gradient is a sum. */
function twice(x: tf.Tensor4D): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const wide = tf.reshape(tf.concat([x, x], 3), [batch, height, 2 * width * channels]);
  return tf.reshape(tf.concat([wide, wide], 2), [batch, 2 * height, 2 * width, channels]);
}

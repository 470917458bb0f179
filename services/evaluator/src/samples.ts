import type { Dataset } from "@peco/data";
import type { Normalisation } from "@peco/nn";
import { type Key, stream } from "@peco/random";
import type { Evaluation } from "@peco/report/evaluation";
import sharp from "sharp";
import { type Compiler, jit, random, type State } from "tfjs-libtensorflow";
import type { MaskedSample } from "./masked-prediction.ts";
import type { Pass } from "./pictures-in-order.ts";
import type { Reconstructed } from "./reconstruction.ts";
import { decoderStep, type Tokenizer } from "./steps.ts";

/**
 * Numbers of the pictures to show, out of the first `pictures` of the test split: of each class in turn, the classes in an order drawn with
 * `key`, until there are enough; the first pictures where there are no classes.
 */
export function chooseSamples(data: Dataset, pictures: number, count: number, key: Key): number[] {
  const waiting = new Map<number, number[]>();
  for (const [number, place] of data.places({ split: "test" }).slice(0, pictures).entries()) {
    const label = data.index.pictures[place]?.label ?? -1;
    waiting.set(label, [...(waiting.get(label) ?? []), number]);
  }
  const ordered = [...waiting].toSorted(([a], [b]) => a - b).map(([, numbers]) => numbers);
  const classes = stream(key).shuffle(ordered);
  const chosen: number[] = [];
  for (let round = 0; chosen.length < Math.min(count, pictures); round++) {
    for (const numbers of classes) {
      const number = numbers[round];
      if (number !== undefined && chosen.length < count) chosen.push(number);
    }
  }
  return chosen;
}

/** The picture with the hidden patches of `mask` (`[grid * grid]`, 1 where hidden) in grey. */
export function greyOut(picture: Uint8Array, size: number, mask: Uint8Array): Uint8Array {
  const grid = Math.sqrt(mask.length);
  return picture.map((value, i) => {
    const [row, column] = [Math.floor(i / (3 * size)), Math.floor(i / 3) % size];
    const patch = Math.floor((row * grid) / size) * grid + Math.floor((column * grid) / size);
    return mask[patch] === 1 ? 128 : value;
  });
}

/** A square picture as a PNG file. */
export function encodePng(picture: Uint8Array, size: number): Promise<Buffer> {
  return sharp(picture, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
}

/** What the pictures of the report are drawn from; the maps go by the picture's number in the test split. */
export interface SampleParts {
  readonly tokenizer: State<Tokenizer>;
  /** Tokens along one side of a picture. */
  readonly side: number;
  readonly normalisation: Normalisation;
  readonly reconstructed: ReadonlyMap<number, Reconstructed>;
  readonly masked: ReadonlyMap<number, MaskedSample>;
}

/**
 * Originals, reconstructions, masked pictures and predictions as PNG files by name. A prediction is decoded from the picture's own tokens
 * with the predicted ones in the hidden places.
 */
export async function drawSamples(
  { context, data }: Pass,
  numbers: readonly number[],
  parts: SampleParts,
): Promise<{ list: Evaluation["samples"]["list"]; files: Map<string, Uint8Array> }> {
  const { reconstructed, masked } = parts;
  const places = data.places({ split: "test" });
  const { size } = context.recipe.image;
  const predictions = await decodePredictions(numbers, parts, context.recipe.runtime.compiler);
  const files = new Map<string, Uint8Array>();
  const list: Evaluation["samples"]["list"] = [];
  for (const [i, number] of numbers.entries()) {
    const [own, hidden] = [reconstructed.get(number) as Reconstructed, masked.get(number) as MaskedSample];
    const pictures = {
      original: own.original,
      reconstruction: own.reconstruction,
      masked: greyOut(own.original, size, hidden.mask),
      prediction: predictions[i] as Uint8Array,
    };
    for (const [name, picture] of Object.entries(pictures))
      files.set(`${name}-${i + 1}.png`, await encodePng(picture, size));
    const label = data.index.pictures[places[number] ?? -1]?.label ?? null;
    list.push({
      label: label === null ? null : (data.index.classes[label] as string),
      original: `original-${i + 1}.png`,
      reconstruction: `reconstruction-${i + 1}.png`,
      masked: `masked-${i + 1}.png`,
      prediction: `prediction-${i + 1}.png`,
      hidden: hidden.predicted.size,
      right: hidden.right,
    });
  }
  return { list, files };
}

/** The pictures that the predicted tokens and the visible patches' own ones stand for together. */
async function decodePredictions(
  numbers: readonly number[],
  { tokenizer, side, normalisation, reconstructed, masked }: SampleParts,
  compiler: Compiler,
): Promise<Uint8Array[]> {
  const patches = side * side;
  const tokens = new Int32Array(numbers.length * patches);
  for (const [i, number] of numbers.entries()) {
    tokens.set((reconstructed.get(number) as Reconstructed).tokens, i * patches);
    for (const [patch, token] of (masked.get(number) as MaskedSample).predicted) tokens[i * patches + patch] = token;
  }
  const step = jit(decoderStep(normalisation), { name: "decoder", compiler });
  try {
    const batch = { tokens: { dtype: "int32", shape: [numbers.length, side, side], data: tokens } as const };
    const { pictures } = await step.run(tokenizer, batch, random.key(0));
    const bytes = Uint8Array.from(pictures.data as Float32Array);
    const each = bytes.length / numbers.length;
    return numbers.map((_, i) => bytes.subarray(i * each, (i + 1) * each));
  } finally {
    step.dispose();
  }
}

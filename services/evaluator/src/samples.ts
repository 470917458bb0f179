import type { Dataset } from "@peco/data";
import { type Key, stream } from "@peco/random";
import type { Evaluation } from "@peco/report/evaluation";
import type { Tokenizer } from "@peco/training";
import sharp from "sharp";
import type { tf } from "tfjs-libtensorflow";
import { frozenStep } from "./frozen-step.ts";
import type { MaskedSample } from "./masked-prediction.ts";
import { overPictures, type Pass } from "./pictures-in-order.ts";
import type { Reconstructed } from "./reconstruction.ts";
import { drawn } from "./steps.ts";

/**
 * Numbers of the pictures to show, out of the first `pictures` of the test split: of each class in turn, the classes in an order drawn with
 * `key`, until there are enough; the first pictures where there are no classes.
 */
export function chooseSamples(data: Dataset, pictures: number, count: number, key: Key): number[] {
  const waiting = new Map<number, number[]>();
  for (const [number, place] of data.places({ split: "test" }).slice(0, pictures).entries()) {
    const label = data.pictures.label(place) ?? -1;
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

/** What the pictures of the report are drawn from; the maps go by the picture's number in the test split, and hold what there is. */
export interface SampleParts {
  readonly tokenizer: Tokenizer | null;
  readonly reconstructed: ReadonlyMap<number, Reconstructed>;
  readonly masked: ReadonlyMap<number, MaskedSample>;
}

type Sample = Evaluation["samples"]["list"][number];

/**
 * Originals, reconstructions, masked pictures and predictions as PNG files by name. A prediction is decoded from the picture's own tokens
 * with the predicted ones in the hidden places.
 */
export async function drawSamples(
  pass: Pass,
  numbers: readonly number[],
  parts: SampleParts,
): Promise<{ list: Sample[]; files: Map<string, Uint8Array> }> {
  const { context, data } = pass;
  const places = data.places({ split: "test" });
  const originals = await readPictures(pass, numbers);
  const predictions = await decodePredictions(pass, numbers, parts);
  const files = new Map<string, Uint8Array>();
  const list: Sample[] = [];
  for (const [i, number] of numbers.entries()) {
    const draw = async (name: string, picture: Uint8Array | null | undefined) => {
      if (picture === null || picture === undefined) return null;
      files.set(`${name}-${i + 1}.png`, await encodePng(picture, Math.sqrt(picture.length / 3)));
      return `${name}-${i + 1}.png`;
    };
    const original = originals.get(number) as Uint8Array;
    const hidden = parts.masked.get(number);
    const label = data.pictures.label(places[number] as number);
    list.push({
      label: label === null ? null : (data.index.classes[label] as string),
      original: (await draw("original", original)) as string,
      reconstruction: await draw("reconstruction", parts.reconstructed.get(number)?.picture),
      masked: await draw("masked", hidden && greyOut(original, context.recipe.image.size, hidden.mask)),
      prediction: await draw("prediction", predictions.get(number)),
      hidden: hidden?.predicted.size ?? 0,
      right: hidden?.right ?? 0,
      attention: [],
    });
  }
  return { list, files };
}

/** Test pictures by their numbers. */
async function readPictures(pass: Pass, numbers: readonly number[]): Promise<Map<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>();
  const { size } = pass.context.recipe.image;
  const bytes = size * size * 3;
  const selection = { split: "test", first: Math.max(...numbers) + 1 } as const;
  await overPictures(pass, "pictures to show, test", selection, async ({ batch, first, count }) => {
    for (const number of numbers) {
      const row = number - first;
      if (row >= 0 && row < count) found.set(number, batch.images.data.slice(row * bytes, (row + 1) * bytes));
    }
  });
  return found;
}

/** The pictures that the predicted tokens and the visible patches' own ones stand for together, by number. */
async function decodePredictions(
  { context }: Pass,
  numbers: readonly number[],
  { tokenizer, reconstructed, masked }: SampleParts,
): Promise<Map<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>();
  const decode = tokenizer?.decode;
  if (tokenizer === null || decode === null || decode === undefined || masked.size === 0) return found;
  const { side } = tokenizer;
  await using step = frozenStep(context, "decoder", ({ tokens }: { readonly tokens: tf.Tensor3D }) => ({
    pictures: drawn(decode(tokens)),
  }));
  const all = new Int32Array(numbers.length * side * side);
  for (const [i, number] of numbers.entries()) {
    all.set((reconstructed.get(number) as Reconstructed).tokens, i * side * side);
    for (const [patch, token] of (masked.get(number) as MaskedSample).predicted) all[i * side * side + patch] = token;
  }
  const { pictures } = await step.run({ tokens: { dtype: "int32", shape: [numbers.length, side, side], data: all } });
  const bytes = Uint8Array.from(pictures.data as Float32Array);
  const each = bytes.length / numbers.length;
  for (const [i, number] of numbers.entries()) found.set(number, bytes.slice(i * each, (i + 1) * each));
  return found;
}

import type { Dataset } from "@peco/data";
import { drawMask } from "@peco/masking";
import { classAttention } from "@peco/models";
import { fold, type Key, stream } from "@peco/random";
import type { Evaluation } from "@peco/report/evaluation";
import { frozenStep, type Tokenizer } from "@peco/training";
import sharp from "sharp";
import type { HostArray, tf } from "tfjs-libtensorflow";
import type { FrozenNetwork, Networks, PretrainedNetwork } from "./inputs.ts";
import { hiddenPatches, maskKey, maskLaw } from "./masked-prediction.ts";
import { overPictures, type Pass } from "./pictures-in-order.ts";
import { drawn, maskedPrediction } from "./steps.ts";

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
  return picture.map((value, i) => (mask[patchOf(i, size, Math.sqrt(mask.length))] === 1 ? 128 : value));
}

/** The picture, the darker the smaller a patch's share of attention is, `[grid * grid]`; the largest share leaves it as it is. */
export function litByAttention(picture: Uint8Array, size: number, shares: Float32Array): Uint8Array {
  const most = Math.max(...shares);
  const grid = Math.sqrt(shares.length);
  return picture.map((value, i) =>
    Math.round(value * (0.1 + (0.9 * (shares[patchOf(i, size, grid)] as number)) / most)),
  );
}

/** The patch in which value `i` of a picture `[size, size, 3]` lies. */
function patchOf(i: number, size: number, grid: number): number {
  const [row, column] = [Math.floor(i / (3 * size)), Math.floor(i / 3) % size];
  return Math.floor((row * grid) / size) * grid + Math.floor((column * grid) / size);
}

/** A square picture as a PNG file. */
export function encodePng(picture: Uint8Array): Promise<Buffer> {
  const side = Math.sqrt(picture.length / 3);
  return sharp(picture, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}

type Sample = Evaluation["samples"]["list"][number];
/** Pictures `uint8 [pictures, size, size, 3]`. */
type Batch = HostArray<"uint8">;

/**
 * Originals, reconstructions, masked pictures, predictions and attention as PNG files by name, as far as there are networks for them. A
 * prediction is decoded from the picture's own tokens with the predicted ones in the hidden places.
 */
export async function drawSamples(
  pass: Pass,
  numbers: readonly number[],
  { tokenizer, pretrained, looking }: Pick<Networks, "tokenizer" | "pretrained"> & { looking: FrozenNetwork | null },
): Promise<{ list: Sample[]; files: Map<string, Uint8Array> }> {
  const { context, data } = pass;
  const { size } = context.recipe.image;
  const { images, tokenizerImages } = await readPictures(pass, numbers, tokenizer?.pictureSize ?? size);
  const tokens = tokenizer && (await tokensOf(pass, tokenizer, tokenizerImages));
  const masked =
    tokenizer && pretrained && (await predict(pass, pretrained, tokenizer, { numbers, images, tokenizerImages }));
  const [reconstructed, predicted] = [
    tokenizer && tokens && (await decoded(pass, tokenizer, tokens)),
    tokenizer && tokens && masked && (await decoded(pass, tokenizer, withPredicted(tokens, masked))),
  ];
  const attention = looking && (await attentionOf(pass, looking, images));
  const places = data.places({ split: "test" });
  const files = new Map<string, Uint8Array>();
  const list: Sample[] = [];
  for (const [i, number] of numbers.entries()) {
    const draw = async (name: string, picture: Uint8Array | null | undefined) => {
      if (picture === null || picture === undefined) return null;
      files.set(`${name}-${i + 1}.png`, await encodePng(picture));
      return `${name}-${i + 1}.png`;
    };
    const original = pictureOf(images, i);
    const hidden = masked?.[i];
    const heads = [];
    for (const [head, shares] of (attention?.[i] ?? []).entries())
      heads.push((await draw(`attention-${head + 1}`, litByAttention(original, size, shares))) as string);
    const label = data.pictures.label(places[number] as number);
    list.push({
      label: label === null ? null : (data.index.classes[label] as string),
      original: (await draw("original", original)) as string,
      reconstruction: await draw("reconstruction", reconstructed && pictureOf(reconstructed, i)),
      masked: await draw("masked", hidden && greyOut(original, size, hidden.mask)),
      prediction: await draw("prediction", predicted && pictureOf(predicted, i)),
      hidden: hidden?.predicted.size ?? 0,
      right: hidden?.right ?? 0,
      attention: heads,
    });
  }
  return { list, files };
}

function pictureOf({ data, shape }: Batch, i: number): Uint8Array {
  const bytes = data.length / (shape[0] as number);
  return data.subarray(i * bytes, (i + 1) * bytes);
}

/** Test pictures by their numbers, at the recipe's size and at the tokenizer's. */
async function readPictures(pass: Pass, numbers: readonly number[], tokenizerSize: number) {
  const { size } = pass.context.recipe.image;
  const empty = (side: number): Batch => ({
    dtype: "uint8",
    shape: [numbers.length, side, side, 3],
    data: new Uint8Array(numbers.length * side * side * 3),
  });
  const found = { images: empty(size), tokenizerImages: empty(tokenizerSize) };
  const selection = { split: "test", first: Math.max(...numbers) + 1 } as const;
  const use = async ({ batch, tokenizerImages, first, count }: Parameters<Parameters<typeof overPictures>[3]>[0]) => {
    for (const [i, number] of numbers.entries()) {
      const row = number - first;
      if (row < 0 || row >= count) continue;
      pictureOf(found.images, i).set(pictureOf(batch.images, row));
      pictureOf(found.tokenizerImages, i).set(pictureOf(tokenizerImages, row));
    }
  };
  await overPictures(pass, "pictures to show, test", selection, use, { tokenizerSize });
  return found;
}

/** Tokens `[pictures, rows, columns]`. */
async function tokensOf({ context }: Pass, { tokenise }: Tokenizer, images: Batch): Promise<HostArray<"int32">> {
  await using step = frozenStep(context.recipe.runtime, "tokens", (batch: { readonly images: tf.Tensor4D }) => ({
    tokens: tokenise(batch.images),
  }));
  return (await step.run({ images })).tokens as HostArray<"int32">;
}

/** The pictures that tokens stand for; null without a decoder. */
async function decoded({ context }: Pass, { decode }: Tokenizer, tokens: HostArray<"int32">): Promise<Batch | null> {
  if (decode === null) return null;
  await using step = frozenStep(context.recipe.runtime, "decoder", (batch: { readonly tokens: tf.Tensor3D }) => ({
    pictures: drawn(decode(batch.tokens)),
  }));
  const { pictures } = await step.run({ tokens });
  return { dtype: "uint8", shape: [...pictures.shape], data: Uint8Array.from(pictures.data as Float32Array) };
}

/** A picture's mask and what was predicted under it. */
type Predicted = ReturnType<typeof hiddenPatches> & { readonly mask: Uint8Array };

/** What the pre-trained network names under the masks that these pictures have in the whole evaluation. */
async function predict(
  { context }: Pass,
  { model, config }: PretrainedNetwork,
  tokenizer: Tokenizer,
  { numbers, images, tokenizerImages }: { numbers: readonly number[]; images: Batch; tokenizerImages: Batch },
): Promise<Predicted[]> {
  const law = maskLaw(context, tokenizer);
  const patches = law.rows * law.columns;
  const masks = new Uint8Array(numbers.length * patches);
  for (const [i, number] of numbers.entries()) {
    masks.set(drawMask(stream(fold(maskKey(context), number)), law), i * patches);
  }
  await using step = frozenStep(
    context.recipe.runtime,
    "masked pictures",
    maskedPrediction(model, config, tokenizer, law.count),
  );
  const mask: Batch = { dtype: "uint8", shape: [numbers.length, patches], data: masks };
  const result = await step.run({ images, tokenizerImages, mask });
  return numbers.map((_, i) => ({
    ...hiddenPatches(result, i, law.count),
    mask: masks.subarray(i * patches, (i + 1) * patches),
  }));
}

/** Tokens with the predicted ones in the hidden places. */
function withPredicted({ shape, data }: HostArray<"int32">, masked: readonly Predicted[]): HostArray<"int32"> {
  const all = Int32Array.from(data);
  const patches = all.length / masked.length;
  for (const [i, { predicted }] of masked.entries()) {
    for (const [patch, token] of predicted) all[i * patches + patch] = token;
  }
  return { dtype: "int32", shape, data: all };
}

/** Shares of the patches, `[patches]`, by picture and head. */
async function attentionOf(
  { context }: Pass,
  { vit, config }: FrozenNetwork,
  images: Batch,
): Promise<Float32Array[][]> {
  if (config.size !== images.shape[1]) return [];
  await using step = frozenStep(context.recipe.runtime, "attention", (batch: { readonly images: tf.Tensor4D }) => ({
    shares: classAttention(vit, config, batch.images),
  }));
  const { shape, data } = (await step.run({ images })).shares;
  const [pictures, heads, patches] = shape as [number, number, number];
  return Array.from({ length: pictures }, (_, picture) =>
    Array.from({ length: heads }, (_, head) => {
      const at = (picture * heads + head) * patches;
      return (data as Float32Array).slice(at, at + patches);
    }),
  );
}

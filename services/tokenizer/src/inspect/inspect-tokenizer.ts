import type { Dataset, Selection } from "@peco/data";
import {
  codebookUse,
  codeHistogram,
  frechetDistance,
  mean,
  psnr,
  sampleDeviation,
  ssim,
  VectorMoments,
} from "@peco/metrics";
import { frozenStep, type PerceptualNetwork, ReadAhead, type Tokenizer } from "@peco/training";
import { type Compiler, type HostArray, tf } from "tfjs-libtensorflow";
import { type CodePlace, CodePlaces } from "./code-places.ts";
import { MeanPatches } from "./mean-patches.ts";
import { measuredStep } from "./measured-step.ts";
import { Sheet, type SheetPicture, windowAround } from "./sheet.ts";

/** What is looked at, and how closely. */
export interface InspectOptions {
  readonly tokenizer: Tokenizer;
  /** In whose features reconstructions are compared; null: not compared. */
  readonly network: PerceptualNetwork | null;
  readonly data: Dataset;
  readonly selection: Selection;
  /** Pictures computed at a time. */
  readonly batch: number;
  readonly compiler: Compiler;
  /** Codes on the sheets, the most used ones. */
  readonly codes: number;
  /** Places shown for each of them. */
  readonly places: number;
  /** Called after each batch. */
  progress(done: number, of: number): void;
}

/** A mean over pictures, and how far they deviate from it. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

/** What a tokenizer makes of pictures. */
export interface Inspection {
  readonly pictures: number;
  readonly codes: number;
  readonly usage: number;
  readonly perplexity: number;
  /** How often each code occurs, `[codes]`. */
  readonly histogram: Uint32Array;
  /** Of reconstructions from their originals; null without a decoder. */
  readonly psnr: Spread | null;
  readonly ssim: Spread | null;
  /** Mean distance in the network's features: of all blocks, and of each; LPIPS's where the network is VGG-16. */
  readonly perceptual: { readonly mean: number; readonly layers: readonly number[] } | null;
  /** Frechet distance of pictures and reconstructions in the network's last features, averaged over places. */
  readonly frechet: number | null;
  /** The codes on the sheets. */
  readonly shown: readonly { readonly code: number; readonly count: number; readonly places: readonly CodePlace[] }[];
  /** For each shown code: decoded alone (where there is a decoder), and the mean of the patches that carry it. */
  readonly codeSheet: SheetPicture;
  /** A row for each shown code: the same, then the parts of pictures whose latents lie nearest to it. */
  readonly placeSheet: SheetPicture;
  /** Pictures above their reconstructions; null without a decoder. */
  readonly reconstructions: SheetPicture | null;
}

/** SSIM's window; smaller pictures have none. */
const ssimWindow = 11;
/** A picture that is met exactly has an infinite PSNR, which no mean survives. */
const highestPsnr = 100;
const [codeTile, placeTile, reconstructed] = [32, 64, 8];

/** Looks at a tokenizer: how its codes are used and what they stand for, and how near reconstructions come. */
export async function inspectTokenizer(options: InspectOptions): Promise<Inspection> {
  const seen = await lookAtAll(options);
  const { tokenizer } = options;
  const histogram = codeHistogram(seen.places.tokens, tokenizer.codes);
  const byUse = Array.from(histogram.keys()).sort(
    (a, b) => (histogram[b] as number) - (histogram[a] as number) || a - b,
  );
  const codes = byUse.slice(0, options.codes).filter((code) => (histogram[code] as number) > 0);
  const places = seen.places.nearest(codes, options.places);
  const alone = await decodedAlone(options, codes);
  const tiles = codes.map((code, i) => ({ alone: alone?.[i] ?? null, mean: seen.patches.mean(code) }));
  return {
    pictures: seen.count,
    codes: tokenizer.codes,
    ...codebookUse(histogram),
    histogram,
    ...seen.figures(),
    shown: codes.map((code, i) => ({ code, count: histogram[code] as number, places: places[i] as CodePlace[] })),
    codeSheet: codeSheet(tiles),
    placeSheet: await placeSheet(options, tiles, places),
    reconstructions: seen.reconstructions(),
  };
}

type Tile = { readonly alone: Uint8Array | null; readonly mean: Uint8Array | null };

function batchesOf({ data, selection, batch, tokenizer }: InspectOptions) {
  return data.batches({ kind: "in-order", pictures: selection, batch, size: tokenizer.pictureSize });
}

async function lookAtAll(options: InspectOptions): Promise<Seen> {
  const { tokenizer, network, compiler } = options;
  const source = batchesOf(options);
  const seen = new Seen(tokenizer, source.count);
  const ahead = new ReadAhead(source, source.steps);
  await using step = frozenStep({ compiler }, "inspect", measuredStep(tokenizer, network));
  for (let at = 0; at < source.steps; at++) {
    const { images, valid } = await ahead.take(at);
    const measured = await step.run({ images });
    seen.add(images.data, valid.data[0] as number, measured as unknown as HostMeasured);
    options.progress(at + 1, source.steps);
  }
  return seen;
}

/** `Measured` on the host. */
interface HostMeasured {
  readonly tokens: HostArray<"int32">;
  readonly distances: HostArray<"float32"> | null;
  readonly pictures: HostArray<"float32"> | null;
  readonly perceptual: HostArray<"float32"> | null;
  readonly pooled: { readonly original: HostArray<"float32">; readonly reconstruction: HostArray<"float32"> } | null;
}

/** What was seen of the pictures so far. */
class Seen {
  readonly places: CodePlaces;
  readonly patches: MeanPatches;
  count = 0;
  readonly #tokenizer: Tokenizer;
  readonly #psnrs: number[] = [];
  readonly #ssims: number[] = [];
  readonly #layers: number[] = [];
  #moments: { original: VectorMoments; reconstruction: VectorMoments } | null = null;
  readonly #shown: (readonly [Uint8Array, Uint8Array])[] = [];

  constructor(tokenizer: Tokenizer, pictures: number) {
    const { codes, side, pictureSize, latents, vectors } = tokenizer;
    this.#tokenizer = tokenizer;
    this.places = new CodePlaces(pictures, side, latents !== null && vectors !== null);
    this.patches = new MeanPatches(codes, pictureSize / side);
  }

  /** Adds the first `count` pictures of a batch. */
  add(images: Uint8Array, count: number, measured: HostMeasured): void {
    const { side, pictureSize: size } = this.#tokenizer;
    const [places, bytes] = [side ** 2, size ** 2 * 3];
    const tokens = measured.tokens.data.subarray(0, count * places);
    this.places.add(tokens, measured.distances?.data.subarray(0, count * places) ?? null);
    for (let row = 0; row < count; row++) {
      const original = images.subarray(row * bytes, (row + 1) * bytes);
      this.patches.add(original, tokens.subarray(row * places, (row + 1) * places));
      if (measured.pictures === null) continue;
      this.#compare(original, Uint8Array.from(measured.pictures.data.subarray(row * bytes, (row + 1) * bytes)));
    }
    this.#addFeatures(measured, count);
    this.count += count;
  }

  #compare(original: Uint8Array, picture: Uint8Array): void {
    const { pictureSize: size } = this.#tokenizer;
    this.#psnrs.push(Math.min(highestPsnr, psnr(original, picture)));
    if (size >= ssimWindow) this.#ssims.push(ssim(original, picture, { height: size, width: size, channels: 3 }));
    if (this.#shown.length < reconstructed) this.#shown.push([original.slice(), picture]);
  }

  #addFeatures({ perceptual, pooled }: HostMeasured, count: number): void {
    if (perceptual === null || pooled === null) return;
    const layers = perceptual.shape[1] as number;
    for (let i = 0; i < count * layers; i++)
      this.#layers[i % layers] = (this.#layers[i % layers] ?? 0) + (perceptual.data[i] as number);
    const width = pooled.original.shape[1] as number;
    this.#moments ??= { original: new VectorMoments(width), reconstruction: new VectorMoments(width) };
    this.#moments.original.add(pooled.original.data.subarray(0, count * width));
    this.#moments.reconstruction.add(pooled.reconstruction.data.subarray(0, count * width));
  }

  figures(): Pick<Inspection, "psnr" | "ssim" | "perceptual" | "frechet"> {
    const layers = this.#layers.map((sum) => sum / this.count);
    const moments = this.#moments;
    return {
      psnr: spread(this.#psnrs),
      ssim: spread(this.#ssims),
      perceptual: layers.length === 0 ? null : { mean: mean(layers), layers },
      frechet:
        moments === null || this.count < 2
          ? null
          : frechetDistance(moments.original.gaussian(), moments.reconstruction.gaussian()),
    };
  }

  /** Originals above reconstructions. */
  reconstructions(): SheetPicture | null {
    if (this.#shown.length === 0) return null;
    const sheet = new Sheet(2, this.#shown.length, Math.max(2 * placeTile, this.#tokenizer.pictureSize));
    this.#shown.forEach((pair, column) => {
      pair.forEach((picture, row) => {
        sheet.put(row, column, picture);
      });
    });
    return sheet.picture();
  }
}

function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return { mean: mean(values), deviation: values.length < 2 ? 0 : sampleDeviation(values) };
}

/** Tokens along a side of the grid in which a code is decoded alone: its middle sees nothing of the border. */
const aloneSide = 5;

/** The middle patch of a grid that holds one code alone, for each code; null without a decoder. */
async function decodedAlone(
  { tokenizer, batch, compiler }: InspectOptions,
  codes: readonly number[],
): Promise<Uint8Array[] | null> {
  const { decode, side, pictureSize } = tokenizer;
  if (decode === null) return null;
  const [grid, patch] = [Math.min(side, aloneSide), pictureSize / side];
  const middle = Math.floor(grid / 2) * patch;
  await using step = frozenStep({ compiler }, "codes alone", ({ tokens }: { readonly tokens: tf.Tensor3D }) => {
    const pictures = tf.round(tf.clipByValue(decode(tokens), 0, 255));
    return { patches: tf.slice(pictures, [0, middle, middle, 0], [-1, patch, patch, -1]) };
  });
  const found: Uint8Array[] = [];
  for (let first = 0; first < codes.length; first += batch) {
    const some = codes.slice(first, first + batch);
    const data = new Int32Array(batch * grid ** 2);
    some.forEach((code, i) => {
      data.fill(code, i * grid ** 2, (i + 1) * grid ** 2);
    });
    const { patches } = await step.run({ tokens: { dtype: "int32", shape: [batch, grid, grid], data } });
    const size = patch ** 2 * 3;
    some.forEach((_, i) => {
      found.push(Uint8Array.from((patches.data as Float32Array).subarray(i * size, (i + 1) * size)));
    });
  }
  return found;
}

/** Codes in a row of the code sheet. */
const perRow = 16;

function codeSheet(tiles: readonly Tile[]): SheetPicture {
  const kinds = tiles.some(({ alone }) => alone !== null) ? (["alone", "mean"] as const) : (["mean"] as const);
  const rows = Math.ceil(tiles.length / perRow);
  const sheet = new Sheet(rows * kinds.length, Math.min(perRow, Math.max(1, tiles.length)), codeTile);
  tiles.forEach((tile, i) => {
    kinds.forEach((kind, line) => {
      const picture = tile[kind];
      if (picture !== null) sheet.put(Math.floor(i / perRow) * kinds.length + line, i % perRow, picture);
    });
  });
  return sheet.picture();
}

async function placeSheet(
  options: InspectOptions,
  tiles: readonly Tile[],
  places: readonly (readonly CodePlace[])[],
): Promise<SheetPicture> {
  const { pictureSize: size, side } = options.tokenizer;
  const sheet = new Sheet(tiles.length, 2 + options.places, placeTile);
  tiles.forEach(({ alone, mean }, row) => {
    if (alone !== null) sheet.put(row, 0, alone);
    if (mean !== null) sheet.put(row, 1, mean);
  });
  const source = batchesOf(options);
  const wanted = places.flatMap((some, row) => some.map((place, i) => ({ ...place, at: [row, 2 + i] as const })));
  for (const step of new Set(wanted.map(({ picture }) => Math.floor(picture / options.batch)))) {
    const { images } = await source.at(step);
    const bytes = size ** 2 * 3;
    for (const { picture, row, column, at } of wanted) {
      if (Math.floor(picture / options.batch) !== step) continue;
      const own = images.data.subarray((picture % options.batch) * bytes, ((picture % options.batch) + 1) * bytes);
      sheet.put(at[0], at[1], windowAround(own, size, size / side, row, column));
    }
  }
  return sheet.picture();
}

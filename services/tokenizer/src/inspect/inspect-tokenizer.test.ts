import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { codeHistogram, psnr } from "@peco/metrics";
import { initVisionTransformer, perceptualFeatures, type VisionTransformer } from "@peco/models";
import { loadTokenizer, openData, type PerceptualNetwork } from "@peco/training";
import { random, tf } from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortRecipe, untrainedStore } from "../../../../libs/training/test/untrained-store.ts";
import { CodePlaces } from "./code-places.ts";
import { inspectTokenizer } from "./inspect-tokenizer.ts";
import { MeanPatches } from "./mean-patches.ts";
import { Sheet, windowAround } from "./sheet.ts";

describe("the places of codes", () => {
  it("are the nearest ones, one a picture", () => {
    const places = new CodePlaces(3, 2, true);
    places.add(Int32Array.of(1, 1, 0, 2), Float32Array.of(0.5, 0.2, 0, 0));
    places.add(Int32Array.of(2, 1, 1, 1, 1, 0, 0, 0), Float32Array.of(0, 0.4, 0.1, 0.3, 0.9, 0, 0, 0));
    expect([...places.tokens]).toHaveLength(12);
    const [one, three] = places.nearest([1, 3], 2);
    expect(one?.map(({ picture, row, column }) => [picture, row, column])).toEqual([
      [1, 1, 0],
      [0, 0, 1],
    ]);
    expect(three).toEqual([]);
    const unmeasured = new CodePlaces(2, 2, false);
    unmeasured.add(Int32Array.of(0, 1, 1, 0, 0, 0, 0, 1), null);
    expect(unmeasured.nearest([1], 5)[0]).toEqual([
      { picture: 0, row: 0, column: 1, distance: null },
      { picture: 1, row: 1, column: 1, distance: null },
    ]);
  });
});

describe("mean patches", () => {
  it("are the mean of what carries a code, and none where nothing does", () => {
    const patches = new MeanPatches(3, 1);
    patches.add(Uint8Array.of(0, 0, 0, 10, 20, 30, 20, 30, 41, 9, 9, 9), Int32Array.of(0, 1, 1, 2));
    patches.add(Uint8Array.of(2, 4, 6, 2, 4, 6, 2, 4, 6, 2, 4, 6), Int32Array.of(0, 0, 0, 0));
    expect([...(patches.mean(1) as Uint8Array)]).toEqual([15, 25, 36]);
    expect([...(patches.mean(0) as Uint8Array)]).toEqual([2, 3, 5]);
    expect(new MeanPatches(3, 2).mean(0)).toBeNull();
  });
});

describe("sheets", () => {
  it("put tiles side by side", () => {
    const sheet = new Sheet(1, 2, 2);
    sheet.put(0, 1, Uint8Array.of(7, 8, 9));
    const { width, height, data } = sheet.picture();
    expect([width, height]).toEqual([16, 10]);
    const at = (y: number, x: number) => [...data.subarray((y * 16 + x) * 3, (y * 16 + x + 1) * 3)];
    expect(at(4, 10)).toEqual([7, 8, 9]);
    expect(at(5, 11)).toEqual([7, 8, 9]);
    expect(at(4, 4)).toEqual([255, 255, 255]);
  });

  it("take a window of three patches that stays inside", () => {
    const picture = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => Math.floor(i / 3));
    const corner = (row: number, column: number) => windowAround(picture, 8, 2, row, column)[0];
    expect(windowAround(picture, 8, 2, 0, 0)).toHaveLength(6 * 6 * 3);
    expect([corner(0, 0), corner(1, 2), corner(3, 3)]).toEqual([0, 2, 18]);
    expect(windowAround(picture, 8, 4, 1, 0)).toHaveLength(8 * 8 * 3);
  });
});

describe("inspectTokenizer", () => {
  let folder: string;
  let inputs: Record<string, string>;
  const recipe = shortRecipe();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "peco-inspect-"));
    inputs = await untrainedStore(folder, recipe);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("measures what the tokenizer itself gives, the last batch's filling left out", async () => {
    const store = await Store.open(folder);
    using tokenizer = await loadTokenizer(store, inputs["tokenizer"] as string);
    await using data = await openData(store, inputs["data"] as string);
    const vit = initVisionTransformer(random.key(1), { ...recipe.image, ...recipe.vit }, "encoder");
    const network = networkOf(vit);
    const common = {
      tokenizer,
      data,
      selection: { split: "validation" },
      compiler: "graph",
      codes: 4,
      places: 3,
    } as const;
    const calls: number[] = [];
    const before = tf.memory().numTensors;
    const inspection = await inspectTokenizer({ ...common, network, batch: 8, progress: (done) => calls.push(done) });
    expect(tf.memory().numTensors).toBe(before);
    expect(calls).toEqual([1, 2, 3]);

    const pictures = await Promise.all(data.places({ split: "validation" }).map((place) => data.picture(place)));
    const own = tf.tidy(() =>
      pictures.map(({ data: pixels }) => {
        const tokens = tokenizer.tokenise(tf.tensor4d(Float32Array.from(pixels), [1, 32, 32, 3]));
        const decoded = tokenizer.decode?.(tokens) as tf.Tensor4D;
        const drawn = Uint8Array.from(tf.round(tf.clipByValue(decoded, 0, 255)).dataSync());
        return { tokens: tokens.dataSync(), psnr: psnr(pixels, drawn) };
      }),
    );
    expect(inspection.pictures).toBe(20);
    const histogram = codeHistogram(Int32Array.from(own.flatMap(({ tokens }) => [...tokens])), 16);
    expect([...inspection.histogram]).toEqual([...histogram]);
    expect(inspection.psnr?.mean).toBeCloseTo(own.reduce((sum, one) => sum + one.psnr, 0) / 20, 1);
    expect(inspection.perceptual?.layers).toHaveLength(recipe.vit.depth);
    expect(inspection.frechet).toBeGreaterThan(0);
    for (const { code, count, places } of inspection.shown) {
      expect(count).toBe(histogram[code]);
      for (const { picture, row, column } of places) expect(own[picture]?.tokens[row * 4 + column]).toBe(code);
    }
    expect(inspection.reconstructions).not.toBeNull();

    const again = await inspectTokenizer({ ...common, network: null, batch: 20, progress: () => undefined });
    expect(again.frechet).toBeNull();
    expect([...again.histogram]).toEqual([...inspection.histogram]);
    expect([...again.placeSheet.data]).toEqual([...inspection.placeSheet.data]);

    const blind = { ...tokenizer, decode: null, latents: null, vectors: null };
    const tokensOnly = await inspectTokenizer({
      ...common,
      tokenizer: blind,
      network,
      batch: 8,
      progress: () => undefined,
    });
    expect(tokensOnly).toMatchObject({
      psnr: null,
      ssim: null,
      perceptual: null,
      frechet: null,
      reconstructions: null,
    });
    expect([...tokensOnly.histogram]).toEqual([...inspection.histogram]);
    tf.dispose(vit as unknown as tf.TensorContainer);
  });

  function networkOf(vit: VisionTransformer): PerceptualNetwork {
    const config = { ...recipe.image, ...recipe.vit };
    const features = (layers: readonly number[]) => perceptualFeatures(vit, config, layers);
    const { size, mean, std } = recipe.image;
    return {
      ...{ network: "vit", digest: "", kind: "perceptual-network", config, vit, depth: recipe.vit.depth, features },
      ...{ preprocessing: { size, mean, std }, weights: {}, [Symbol.dispose]: () => undefined },
    } as PerceptualNetwork;
  }
});

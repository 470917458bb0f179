import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Manifest, Store } from "@peco/artifacts";
import { centerCrop, resizeShorterSide } from "@peco/data";
import { initClassifier, initVisionTransformer, initVqAutoencoder } from "@peco/models";
import { fold, key, stream } from "@peco/random";
import { checkRecipe, loadRecipe } from "@peco/recipes";
import { loadTokenizer, resized, vqTokenizerConfig } from "@peco/training";
import sharp from "sharp";
import {
  decodeSafetensors,
  encodeSafetensors,
  flatten,
  type HostArray,
  random,
  type Tree,
  tf,
} from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluateBappsCommand, evaluateBappsDocument } from "./evaluate-bapps.ts";
import { evaluateRobustnessCommand, evaluateRobustnessDocument } from "./evaluate-robustness.ts";
import { exportCommand } from "./export.ts";
import { predictCommand } from "./predict.ts";

const recipe = checkRecipe(loadRecipe("tiny", { sets: ["codebook.size=8"] }).recipe);
const vit = { ...recipe.image, ...recipe.vit };
const { size } = recipe.image;
const CLASSES = ["n01", "n02", "n03", "n04", "n05", "n06", "n07"];

async function publish(store: Store, kind: string, tree: object, config: object, inputs: Record<string, string> = {}) {
  const leaves: Record<string, HostArray> = {};
  for (const [path, tensor] of flatten(tree as Tree<tf.Tensor>))
    leaves[path] = { dtype: "float32", shape: tensor.shape, data: Float32Array.from(await tensor.data()) };
  const { mean, std } = recipe.image;
  const meta = { config, preprocessing: { size, mean, std } } as unknown as Manifest["meta"];
  const blobs = { "weights.safetensors": await store.putBlob(encodeSafetensors(leaves)) };
  return store.publish({ kind, blobs, inputs, meta });
}

/** A picture of noise over a colour, as a PNG file. */
async function picture(path: string, number: number, side: number): Promise<Uint8Array> {
  const draws = stream(fold(key(9), number));
  const light = [draws.uniform(0, 200), draws.uniform(0, 200), draws.uniform(0, 200)];
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => (light[i % 3] as number) + draws.uniform(0, 55));
  await write(path, data, side);
  return data;
}

async function write(path: string, data: Uint8Array, side: number): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  await sharp(data, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toFile(path);
}

/** A NumPy file as `np.save` writes an array of one float64. */
function judgement(path: string, value: number): void {
  const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".padEnd(117);
  const bytes = Buffer.alloc(136);
  bytes.write("\x93NUMPY\x01\x00", 0, "latin1");
  bytes.writeUInt16LE(118, 8);
  bytes.write(`${header}\n`, 10, "latin1");
  bytes.writeDoubleLE(value, 128);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

let folder: string;
let store: Store;
let storeFolder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "peco-evaluate-"));
  storeFolder = join(folder, "store");
  store = await Store.open(storeFolder, { create: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("evaluate robustness", () => {
  let artifact: string;
  beforeAll(async () => {
    const classifier = initClassifier(random.key(2), vit, { classes: CLASSES.length, headInitScale: 20 });
    const validated = { lr: 0.1, validation: 0.5, best: { step: 1, validation: 0.5 }, average: null };
    const config = { vit, classes: CLASSES, lr: 0.1, networks: [validated] };
    artifact = await publish(store, "classifier", { networks: [classifier] }, config);
  });
  const ask = async (set: "imagenet-a" | "imagenet-c" | "imagefolder", data: string) => {
    const answer = await evaluateRobustnessCommand({ set, data, artifact, store: storeFolder, batch: 4 });
    return { ...answer, document: evaluateRobustnessDocument.parse(answer.document) };
  };
  /** What `peco predict` says of the same folder, and each picture's class by the folder it lies in. */
  const logits = async (images: string, resize?: string) => {
    const npy = join(folder, "logits.npy");
    const { document } = await predictCommand({
      images,
      ...(resize && { resize }),
      npy,
      artifact,
      store: storeFolder,
      batch: 8,
    });
    const { pictures } = document as { pictures: { name: string }[] };
    const bytes = readFileSync(npy);
    const values = new Float32Array(Uint8Array.from(bytes.subarray(bytes.length - pictures.length * 28)).buffer);
    return pictures.map(({ name }, i) => ({
      label: CLASSES.indexOf(name.split("/")[0] as string),
      row: [...values.subarray(i * CLASSES.length, (i + 1) * CLASSES.length)],
    }));
  };
  const classFolders = async (data: string, classes: readonly string[], first: number) => {
    for (const [i, name] of classes.entries())
      for (let at = 0; at < 5; at++) await picture(join(data, name, `${at}.png`), first + i * 5 + at, size);
  };
  /** Share of pictures whose own score is among the `k` largest of some classes. */
  const share = (rows: { label: number; row: number[] }[], among: readonly number[], k: number) =>
    rows.filter(({ label, row }) => {
      const sorted = among.toSorted((a, b) => (row[b] as number) - (row[a] as number));
      return sorted.indexOf(label) < k;
    }).length / rows.length;

  it("chooses among the folders' classes of ImageNet-A, and among all of an image folder", async () => {
    const data = join(folder, "a");
    await classFolders(data, ["n02", "n03", "n06"], 0);
    const rows = await logits(data);
    const [few, all] = [[1, 2, 5], CLASSES.map((_, i) => i)];
    const { document, text } = await ask("imagenet-a", data);
    expect(document.result).toEqual({ pictures: 15, top1: share(rows, few, 1), top5: 1 });
    expect(document).toMatchObject({ classes: 3, meanCorruptionError: null });
    expect(document.notes.join()).toContain("200 classes, and here are 3");
    expect(text).toContain("15 pictures: top-1");
    const plain = (await ask("imagefolder", data)).document;
    expect(plain.result).toEqual({ pictures: 15, top1: share(rows, all, 1), top5: share(rows, all, 5) });
    expect(plain.result?.top1).not.toBe(document.result?.top1); // else this test says little
  });

  it("divides the errors on ImageNet-C by AlexNet's, and names what is missing", async () => {
    const data = join(folder, "c");
    const error: Record<string, number[]> = {};
    for (const [n, path] of ["blur/defocus_blur", "snow"].entries()) {
      const name = path.split("/").at(-1) as string;
      error[name] = [];
      for (let severity = 1; severity <= 5; severity++) {
        await classFolders(join(data, path, String(severity)), CLASSES, 100 * n + severity);
        error[name].push(
          1 -
            share(
              await logits(join(data, path, String(severity)), "none"),
              CLASSES.map((_, i) => i),
              1,
            ),
        );
      }
    }
    await classFolders(join(data, "fog", "1"), CLASSES, 0);
    const { document, text } = await ask("imagenet-c", data);
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    expect(document.corruptions).toEqual([
      {
        name: "defocus_blur",
        error: error["defocus_blur"],
        corruptionError: expect.closeTo(mean(error["defocus_blur"] as number[]) / 0.81988, 12),
      },
      {
        name: "snow",
        error: error["snow"],
        corruptionError: expect.closeTo(mean(error["snow"] as number[]) / 0.866816, 12),
      },
    ]);
    expect(document.meanCorruptionError).toBeNull();
    expect(document.notes.join("\n")).toContain("fog lacks severity 2, 3, 4, 5");
    expect(document.notes.join("\n")).toContain("gaussian_noise, shot_noise");
    expect(text).toContain("defocus_blur");
    rmSync(join(data, "snow", "3", "n04"), { recursive: true });
    await expect(ask("imagenet-c", data)).rejects.toThrow("3: n04 is missing");
  });

  it("shows a network of another size all of ImageNet-C's pictures, and not their middle", async () => {
    const [data, small, cut] = [join(folder, "c48"), join(folder, "c48-resized"), join(folder, "c48-cut")];
    const [side, path] = [48, "snow"];
    for (let severity = 1; severity <= 5; severity++) {
      for (const [i, name] of CLASSES.entries()) {
        const [height, width] = [side, side];
        const file = join(path, String(severity), name, "0.png");
        const whole = { data: await picture(join(data, file), 700 + 10 * severity + i, side), height, width };
        const middle = new Uint8Array(size * size * 3);
        centerCrop(whole, middle, size);
        await write(join(small, file), resizeShorterSide(whole, size, "bicubic").data, size);
        await write(join(cut, file), middle, size);
      }
    }
    const of = async (where: string) => (await ask("imagenet-c", where)).document.corruptions;
    const found = await of(data);
    expect(found).toEqual(await of(small));
    expect(found).not.toEqual(await of(cut)); // else this test says little
  });

  it("names folders that are no class of the network, and a folder without any", async () => {
    const data = join(folder, "unknown");
    await classFolders(data, ["n02", "n88", "n99"], 0);
    await expect(ask("imagenet-a", data)).rejects.toMatchObject({
      exitCode: 65,
      message: "unknown: n88, n99 are no classes of the network",
    });
    await expect(ask("imagenet-c", data)).rejects.toThrow("none of ImageNet-C's corruptions");
    await expect(ask("imagefolder", join(folder, "nowhere"))).rejects.toThrow("ENOENT");
  });

  it("refuses weights that do not fit, or takes what fits with --partial and names the rest", async () => {
    const data = join(folder, "partial");
    await classFolders(data, ["n02"], 0);
    const weights = join(folder, "partial.safetensors");
    await exportCommand({ artifact, out: weights, store: storeFolder });
    const { tensors } = decodeSafetensors(readFileSync(weights));
    const { "head.bias": _, ...rest } = tensors;
    writeFileSync(weights, encodeSafetensors(rest));
    const asked = { set: "imagefolder", data, artifact, weights, store: storeFolder, batch: 4 } as const;
    await expect(evaluateRobustnessCommand(asked)).rejects.toMatchObject({
      name: "WeightsMismatch",
      message: expect.stringContaining("missing: head.bias"),
      remedy: expect.stringContaining("--partial takes what fits"),
    });
    const { document } = await evaluateRobustnessCommand({ ...asked, partial: true });
    expect(evaluateRobustnessDocument.parse(document)).toMatchObject({
      result: { pictures: 5 },
      notes: [expect.stringContaining("missing, and taken as 0 (a norm's scale as 1): head.bias")],
    });
  });

  it("leaves a damaged picture out, names it, and ends with 65", async () => {
    const data = join(folder, "damaged");
    await classFolders(data, ["n02", "n03"], 0);
    writeFileSync(join(data, "n03", "2.png"), "no picture");
    const { document, exitCode } = await ask("imagefolder", data);
    expect(document).toMatchObject({ result: { pictures: 9 }, skipped: [{ name: "n03/2.png" }] });
    expect(exitCode).toBe(65);
  });
});

describe("evaluate bapps", () => {
  const data = () => join(folder, "val");
  let tokenizer: string;
  const judges = [0.2, 1, 0.6, 0, 0.4];
  beforeAll(async () => {
    const autoencoder = initVqAutoencoder(recipe.codebook, random.key(4));
    const vectors = random.normal(random.key(5), [8, recipe.codebook.width], 0, 0.05) as tf.Tensor2D;
    const codebook = { vectors, counts: tf.ones([8]), sums: tf.clone(vectors) };
    const network = await publish(
      store,
      "perceptual-network",
      initVisionTransformer(random.key(6), vit, "pretraining"),
      vit,
    );
    const inputs = { perceptualNetwork: network };
    tokenizer = await publish(
      store,
      "tokenizer",
      { autoencoder, codebook },
      vqTokenizerConfig(recipe.codebook),
      inputs,
    );
    for (const [set, first] of [
      ["cnn", 0],
      ["traditional", 500],
    ] as const) {
      for (const [i, judge] of judges.entries()) {
        const name = `00000${i}`;
        await picture(join(data(), set, "ref", `${name}.png`), first + i, 64);
        // the last triple's alternatives are the same picture
        for (const [p, part] of ["p0", "p1"].entries())
          await picture(join(data(), set, part, `${name}.png`), first + 100 + (i === 4 ? 0 : 10 * p + i), 64);
        judgement(join(data(), set, "judge", `${name}.npy`), set === "cnn" ? judge : 0.5);
      }
    }
  });
  const ask = () => evaluateBappsCommand({ artifact: tokenizer, data: data(), store: storeFolder, batch: 3 });

  it("scores tokens, pixels and features by the judges, set by set", async () => {
    const { document, text } = await ask();
    const { sets, mean } = evaluateBappsDocument.parse(document);
    expect(sets.map(({ name, triples }) => [name, triples])).toEqual([
      ["cnn", 5],
      ["traditional", 5],
    ]);
    // judges that are divided evenly give every distance the same
    for (const { score } of sets[1]?.agreement ?? []) expect(score).toBeCloseTo(0.5, 12);

    const read = async (part: string, i: number) =>
      Uint8Array.from(
        await sharp(join(data(), "cnn", part, `00000${i}.png`))
          .raw()
          .toBuffer(),
      );
    using network = await loadTokenizer(store, tokenizer);
    const tokensOf = (pixels: Uint8Array) => {
      const small = resized({ dtype: "uint8", shape: [1, 64, 64, 3], data: Uint8Array.from(pixels) }, size);
      return tf.tidy(() => network.tokenise(tf.tensor4d(small.data, [1, size, size, 3])).dataSync());
    };
    const [pixels, tokens] = [
      { score: 0, ties: 0 },
      { score: 0, ties: 0 },
    ];
    for (const [i, judge] of judges.entries()) {
      const [ref, p0, p1] = [await read("ref", i), await read("p0", i), await read("p1", i)];
      const squares = (a: Uint8Array, b: Uint8Array) => a.reduce((sum, v, at) => sum + (v - (b[at] as number)) ** 2, 0);
      const differing = (a: ArrayLike<number>, b: ArrayLike<number>) =>
        Array.from(a).filter((v, at) => v !== b[at]).length;
      const [tr, t0, t1] = [tokensOf(ref), tokensOf(p0), tokensOf(p1)];
      for (const [sum, d0, d1] of [
        [pixels, squares(ref, p0), squares(ref, p1)],
        [tokens, differing(tr, t0), differing(tr, t1)],
      ] as const) {
        sum.score += (d0 === d1 ? 0.5 : d0 < d1 ? 1 - judge : judge) / 5;
        sum.ties += d0 === d1 ? 0.2 : 0;
      }
    }
    expect(sets[0]?.agreement[0]).toEqual({
      distance: "tokens",
      score: expect.closeTo(tokens.score, 12),
      ties: expect.closeTo(tokens.ties, 12),
    });
    expect(sets[0]?.agreement[1]).toEqual({ distance: "pixels", score: expect.closeTo(pixels.score, 12), ties: 0.2 });
    expect(sets[0]?.agreement[2]).toMatchObject({ distance: "features", ties: 0.2 });
    expect(mean[1]?.score).toBeCloseTo((pixels.score + 0.5) / 2, 12);
    expect(text).toContain("mean of the sets");
  });

  it("names what is missing and what is no judgement", async () => {
    rmSync(join(data(), "cnn", "p1", "000002.png"));
    await expect(ask()).rejects.toThrow(/cnn.p1 lacks a file that the others have: 000002/);
    await picture(join(data(), "cnn", "p1", "000002.png"), 3, 64);
    judgement(join(data(), "cnn", "judge", "000002.npy"), 7);
    await expect(ask()).rejects.toThrow("no share of judges from 0 to 1");
    writeFileSync(join(data(), "cnn", "judge", "000002.npy"), "seven");
    await expect(ask()).rejects.toMatchObject({ exitCode: 65 });
    await expect(
      evaluateBappsCommand({ artifact: tokenizer, data: storeFolder, store: storeFolder, batch: 3 }),
    ).rejects.toThrow("no folder with ref, p0, p1 and judge");
  });
});

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { type ImportedWeights, importWeights } from "@peco/models";
import sharp from "sharp";
import { decodeSafetensors, encodeSafetensors, type HostArray } from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashedPictures, hashedWeights } from "../../../libs/models/test/hashed-weights.ts";
import { exportCommand, exportDocument, exportedFile } from "../src/commands/export.ts";
import { featuresCommand, featuresDocument } from "../src/commands/features.ts";
import { predictCommand, predictDocument } from "../src/commands/predict.ts";

// A classifier like those of recipe small, with the weights and timm's logits of libs/models' fixture.
const fixture = decodeSafetensors(
  readFileSync(new URL("../../../libs/models/fixtures/interchange.safetensors", import.meta.url)),
);
const { model, kwargs, shapes } = JSON.parse(fixture.metadata["cases"] as string)["small"] as {
  model: string;
  kwargs: Record<string, number | string>;
  shapes: Record<string, number[]>;
};
const timmLogits = (fixture.tensors["small.logits"] as HostArray<"float32">).data;
const timmWeights = hashedWeights(shapes);
const size = 16;
const classes = ["ant", "bee", "cat", "dog", "eel"];

const folder = mkdtempSync(join(tmpdir(), "peco-networks-"));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let imported: ImportedWeights;
let classifier: string;
let pretrained: string;
const store = at("store");
const images = at("pictures");
const asked = { images, resize: "none", batch: 8, store };

beforeAll(async () => {
  imported = importWeights(timmWeights, {
    role: "classifier",
    pool: "mean",
    heads: 4,
    normalisation: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  });
  await publish();
  const pixels = Uint8Array.from(hashedPictures(size));
  const one = size * size * 3;
  mkdirSync(join(images, "more"), { recursive: true });
  const write = (name: string, part: number) =>
    sharp(pixels.subarray(part * one, (part + 1) * one), { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toFile(join(images, name));
  // Written in another order than that of their names.
  await write("more/b.png", 1);
  await write("a.png", 0);
  writeFileSync(join(images, "notes.txt"), "no picture");
});

async function publish(): Promise<void> {
  const written = await Store.open(store, { create: true });
  const under = (prefix: string, weights: ImportedWeights["weights"]) =>
    Object.fromEntries(Object.entries(weights).map(([path, leaf]) => [prefix + path, leaf]));
  const vit = { ...imported.architecture.vit, dropPath: 0 };
  const put = async (kind: string, weights: Record<string, HostArray>, config: object) =>
    written.publish({
      kind,
      blobs: { "weights.safetensors": await written.putBlob(encodeSafetensors(weights)) },
      inputs: {},
      meta: JSON.parse(JSON.stringify({ config, preprocessing: { size, mean: vit.mean, std: vit.std } })),
    });
  const worse = Object.fromEntries(
    Object.entries(imported.weights).map(([path, leaf]) => [path, { ...leaf, data: leaf.data.map((x) => -x) }]),
  );
  classifier = await put(
    "classifier",
    { ...under("networks.0.", worse), ...under("networks.1.", imported.weights), ...under("networks.2.", worse) },
    {
      vit,
      classes,
      lr: 0.001,
      networks: [
        { lr: 0.001, validation: 0.5 },
        { lr: 0.001, validation: 0.75 },
        { lr: 0.002, validation: 0.9 }, // better, but not of the learning rate that was chosen
      ],
    },
  );
  const {
    "head.weight": head,
    "head.bias": bias,
    "norm.scale": scale,
    "norm.bias": shift,
    ...trunk
  } = imported.weights;
  const token = { dtype: "float32", shape: [1, 1, vit.width], data: new Float32Array(vit.width) } as const;
  pretrained = await put(
    "pretrained-vit",
    {
      ...trunk,
      "vit.norm.scale": scale,
      "vit.norm.bias": shift,
      "vit.maskToken": token,
      "head.weight": head,
      "head.bias": bias,
    } as Record<string, HostArray>,
    vit,
  );
}

/** A float32 NumPy file. */
function readNpy(path: string): { shape: number[]; data: Float32Array } {
  const file = readFileSync(path);
  const length = file.readUInt16LE(8);
  const header = file.subarray(10, 10 + length).toString("latin1");
  expect(header).toMatch(/'descr': '<f4', 'fortran_order': False/);
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "")
    .split(",")
    .filter((n) => n.trim() !== "")
    .map(Number);
  const data = new Float32Array(new Uint8Array(file.subarray(10 + length)).buffer);
  expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
  return { shape, data };
}

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  const largest = Math.max(...Array.from(expected, Math.abs));
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs((actual[i] as number) - (expected[i] as number)), `value ${i}`).toBeLessThan(1e-6 * largest);
  }
}

describe("predict", () => {
  it("gives timm's logits by sorted name, with the network that is best at the chosen rate", async () => {
    const npy = at("logits.npy");
    const { document, exitCode } = await predictCommand({ ...asked, artifact: classifier.slice(0, 10), npy });
    const { pictures, notes, skipped } = predictDocument.parse(document);
    expect(readNpy(npy).shape).toEqual([2, 5]);
    expectNear(readNpy(npy).data, timmLogits);
    expect([exitCode, skipped]).toEqual([0, []]);
    expect(pictures.map(({ name }) => name)).toEqual(["a.png", "more/b.png"]);
    expect(notes).toEqual(["network 2: learning rate 0.001, 75.0 % right on validation"]);
    for (const [i, { top }] of pictures.entries()) {
      const logits = [...timmLogits.subarray(i * 5, i * 5 + 5)];
      expect(top[0]?.index).toBe(logits.indexOf(Math.max(...logits)));
      expect(top[0]?.class).toBe(classes[top[0]?.index as number]);
      expect(top.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 6);
    }
  });

  it("shows a table", async () => {
    const { text } = await predictCommand({ ...asked, artifact: classifier, network: 1 });
    expect(text).toMatch(/^artifact [0-9a-f]{12}, network 1 of 3: 5 classes\n/);
    expect(text).toMatch(/\nmore\/b\.png +(ant|bee|cat|dog|eel) +\d+\.\d %/);
  });

  it("does not change with the number of pictures at a time", async () => {
    const npy = at("one-by-one.npy");
    await predictCommand({ ...asked, batch: 1, artifact: classifier, npy });
    expectNear(readNpy(npy).data, timmLogits);
  });

  it("names pictures that it cannot use, and keeps their rows", async () => {
    const broken = at("broken");
    mkdirSync(broken);
    const whole = readFileSync(join(images, "a.png"));
    writeFileSync(join(broken, "1.png"), whole.subarray(0, whole.length - 60));
    writeFileSync(join(broken, "2.png"), whole);
    await sharp({ create: { width: 20, height: 16, channels: 3, background: "#123" } }).toFile(join(broken, "3.webp"));
    const npy = at("broken.npy");
    const { document, exitCode } = await predictCommand({ ...asked, images: broken, artifact: classifier, npy });
    const { skipped, pictures } = predictDocument.parse(document);
    expect(exitCode).toBe(65);
    expect(skipped).toEqual([
      { name: "1.png", reason: expect.stringMatching(/cut off/) },
      { name: "3.webp", reason: "has 20 x 16 pixels and not 16 x 16" },
    ]);
    expect(pictures.map(({ top }) => top.length)).toEqual([0, 5, 0]);
    const { data } = readNpy(npy);
    expectNear(data.subarray(5, 10), timmLogits.subarray(0, 5));
    expect([...data.subarray(0, 5), ...data.subarray(10)].every(Number.isNaN)).toBe(true);
  });

  it("resizes as the network's own pictures were", async () => {
    const large = at("large");
    mkdirSync(large);
    const [width, height] = [40, 30];
    const noise = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 251);
    await sharp(noise, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(large, "a.png"));
    const { document, exitCode } = await predictCommand({
      ...asked,
      resize: undefined,
      images: large,
      artifact: classifier,
    } as never);
    expect([exitCode, predictDocument.parse(document).pictures.length]).toEqual([0, 1]);
  });
});

describe("export", () => {
  it("gives timm's tensors, and what timm needs to make the model", async () => {
    const out = at("exported.safetensors");
    const { document } = await exportCommand({ artifact: classifier, out, store });
    exportDocument.parse(document);
    expect(decodeSafetensors(readFileSync(out)).tensors).toEqual(timmWeights);
    const about = exportedFile.parse(JSON.parse(readFileSync(at("exported.json"), "utf8")));
    expect(about.timm).toEqual({
      model,
      kwargs,
      pretrained_cfg: {
        input_size: [3, size, size],
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        interpolation: "bicubic",
        crop_pct: size / Math.trunc((size * 256) / 224),
      },
    });
    expect(about.classes).toEqual(classes);
  });

  it("leaves out what serves pre-training alone, with a word", async () => {
    const out = at("encoder.safetensors");
    const { text } = await exportCommand({ artifact: pretrained, out, store });
    expect(text).toContain("mask token");
    const { tensors } = decodeSafetensors(readFileSync(out));
    expect(tensors["norm.weight"]).toEqual(timmWeights["fc_norm.weight"]);
    expect(Object.keys(tensors).filter((name) => /head|mask/.test(name))).toEqual([]);
  });

  it("is taken back with --weights", async () => {
    const npy = at("again.npy");
    const weights = at("exported.safetensors");
    const { document } = await predictCommand({ ...asked, artifact: classifier, network: 1, weights, npy });
    expect(predictDocument.parse(document).notes).toEqual([]);
    expectNear(readNpy(npy).data, timmLogits);
  });
});

it("weights with what is no number are found out, and no file is left", async () => {
  const [weights, npy] = [at("nan.safetensors"), at("nan.npy")];
  const spoilt = {
    ...(timmWeights["fc_norm.bias"] as HostArray<"float32">),
    data: new Float32Array(16).fill(Number.NaN),
  };
  writeFileSync(weights, encodeSafetensors({ ...timmWeights, "fc_norm.bias": spoilt }));
  await expect(predictCommand({ ...asked, artifact: classifier, weights, npy })).rejects.toThrow(
    /gives values that are no numbers for a\.png/,
  );
  expect(readdirSync(folder).filter((name) => name.startsWith("nan.npy"))).toEqual([]);
});

describe("features", () => {
  const npy = at("features.npy");
  const of = async (more: { block?: string; pool?: string }, artifact = classifier) => {
    const { document } = await featuresCommand({ ...asked, artifact, npy, ...more });
    const read = readNpy(npy);
    expect(featuresDocument.parse(document).shape).toEqual(read.shape);
    return read;
  };

  it("pooled and normalised are what the head sees", async () => {
    const { shape, data } = await of({});
    expect(shape).toEqual([2, 16]);
    const [weight, bias] = [imported.weights["head.weight"], imported.weights["head.bias"]] as HostArray<"float32">[];
    const logits = Array.from({ length: 10 }, (_, i) => {
      const [picture, output] = [Math.floor(i / 5), i % 5];
      let sum = bias?.data[output] as number;
      for (let j = 0; j < 16; j++) sum += (data[picture * 16 + j] as number) * (weight?.data[j * 5 + output] as number);
      return sum;
    });
    expectNear(logits, timmLogits);
  });

  it("of blocks, pooled or by token, agree with each other", async () => {
    const all = await of({ block: "all", pool: "none" });
    expect(all.shape).toEqual([2, 2, 17, 16]);
    const first = await of({ block: "1", pool: "class-token" });
    expect(first.shape).toEqual([2, 16]);
    expectNear(first.data.subarray(0, 16), all.data.subarray(0, 16));
    const mean = await of({ block: "2", pool: "mean" });
    const block2 = all.data.subarray(17 * 16, 2 * 17 * 16);
    expectNear(
      mean.data.subarray(0, 16),
      Array.from({ length: 16 }, (_, j) => {
        let sum = 0;
        for (let token = 1; token < 17; token++) sum += block2[token * 16 + j] as number;
        return sum / 16;
      }),
    );
  });

  it("of a network in pre-training", async () =>
    expect((await of({ pool: "none" }, pretrained)).shape).toEqual([2, 17, 16]));
});

describe("words that do not fit are refused", () => {
  const cases: [words: object, said: RegExp][] = [
    [{}, /no network is named/],
    [{ model: "vit_base_patch16_224", artifact: "a" }, /both name a network/],
    [{ model: "vit_base_patch16_225", weights: "w" }, /did you mean vit_base_patch16_224\?/],
    [{ model: "vit_base_patch16_224" }, /needs weights, and none are fetched/],
    [{ model: "vit_base_patch16_224", weights: "w", average: true }, /choose among an artifact's networks/],
    [{ model: "vit_base_patch16_224", weights: at("none") }, /there is no such file/],
    [{ artifact: "ffff" }, /there is no artifact "ffff"/],
    [{ resize: "256", artifact: "a" }, /--resize 256 is not known/],
    [{ images: at("nowhere"), artifact: "a" }, /there is no folder/],
  ];
  it.each(cases)("%o", async (words, said) => {
    await expect(predictCommand({ ...asked, ...words })).rejects.toThrow(said);
  });

  it("also for the artifact at hand", async () => {
    await expect(predictCommand({ ...asked, artifact: pretrained })).rejects.toThrow("names no classes");
    await expect(predictCommand({ ...asked, artifact: classifier, network: 4 })).rejects.toThrow("has 3 networks");
    await expect(predictCommand({ ...asked, artifact: classifier, average: true })).rejects.toThrow(
      "no moving average",
    );
    await expect(predictCommand({ ...asked, artifact: pretrained, network: 1 })).rejects.toThrow(
      'is a "pretrained-vit"',
    );
    const features = { ...asked, artifact: classifier, npy: at("no.npy") };
    await expect(featuresCommand({ ...features, block: "3" })).rejects.toThrow("--block 3 is no block");
    await expect(featuresCommand({ ...features, pool: "max" })).rejects.toThrow("--pool max is not known");
    await expect(featuresCommand({ ...features, npy: at("no/no.npy") })).rejects.toThrow(/no\.npy cannot be written/);
    await expect(exportCommand({ artifact: classifier, out: at("x.pt"), store })).rejects.toThrow(
      "does not end in .safetensors",
    );
  });
});

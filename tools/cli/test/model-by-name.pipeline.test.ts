import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { knownModels, tensorShapesOf } from "@peco/models";
import sharp from "sharp";
import { encodeSafetensors, type HostArray } from "tfjs-libtensorflow";
import { afterAll, expect, it } from "vitest";
import { hashedWeights } from "../../../libs/models/test/hashed-weights.ts";
import { predictCommand, predictDocument } from "../src/commands/predict.ts";
import { peco } from "./peco.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-model-"));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("a model by name takes its number of classes from the weights, and its preprocessing from timm's defaults", async () => {
  const images = at("pictures");
  mkdirSync(images);
  for (const name of ["a.png", "b.png"]) {
    await sharp({ create: { width: 300, height: 260, channels: 3, background: "#371" } }).toFile(join(images, name));
  }
  const known = knownModels.find(({ name }) => name === "deit_tiny_patch16_224") as (typeof knownModels)[number];
  const outputs = 7;
  const file = at("deit.safetensors");
  const weights = hashedWeights(
    tensorShapesOf("timm-vit", {
      vit: known.vit,
      role: "classifier",
      pool: known.pool,
      outputs,
      tables: "own",
      finalNorm: true,
    }),
  );
  writeFileSync(file, encodeSafetensors(weights));
  const npy = at("deit.npy");
  const { document } = await predictCommand({ images, batch: 2, model: known.name, weights: file, npy });
  expect(predictDocument.parse(document).pictures[0]?.top[0]?.class).toBeNull();
  expect(readFileSync(npy).toString("latin1")).toContain(`'shape': (2, ${outputs})`);

  const { "blocks.3.mlp.fc1.bias": _, ...without } = weights;
  writeFileSync(file, encodeSafetensors({ ...without, "blocks.3.new": weights["head.bias"] as HostArray }));
  const words = ["predict", "--images", images, "--model", known.name, "--weights", file];
  const { code, stderr } = await peco(words);
  expect(code).toBe(65);
  expect(stderr).toContain(
    `${file}: the weights do not fit the network\n  missing: blocks.3.mlp.fc1.bias\n  extra:   blocks.3.new\n`,
  );
  const { document: partial } = await predictCommand({
    images,
    batch: 2,
    model: known.name,
    weights: file,
    partial: true,
  });
  expect(predictDocument.parse(partial).notes).toEqual([
    expect.stringMatching(/missing.*: blocks\.3\.mlp\.fc1\.bias$/),
    expect.stringMatching(/: blocks\.3\.new$/),
  ]);

  writeFileSync(file, readFileSync(file).subarray(0, 5_000_000));
  await expect(predictCommand({ images, batch: 2, model: known.name, weights: file })).rejects.toThrow(
    /deit\.safetensors: tensor ".*": its data lies at/,
  );
}, 120_000);

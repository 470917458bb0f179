import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { figuresOf, makeCard, renderCard, reproducibilityCard } from "../src/index.ts";
import { exampleRun, folderDigest } from "./example-run.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-card-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the reproducibility card", async () => {
  const { store, id } = await exampleRun(folder, { seeds: ["1", "2"] });
  const card = await makeCard(store, id);

  it("has every variable filled from the run", () => {
    expect(reproducibilityCard.parse(JSON.parse(JSON.stringify(card)))).toEqual(card);
    expect(card.pseudocode.map(({ stage }) => stage)).toContain("pretrain");
    expect(JSON.stringify(card.pseudocode)).not.toContain("undefined");
    expect(Object.keys(card.data.artifacts)).toEqual(["1", "2"]);
    expect(card.splits.counts.train).toBeGreaterThan(0);
    expect(card.experiment.values).toContainEqual({
      path: "pretrain.optimizer.lr",
      value: "0.002",
      source: "own choice",
    });
    expect(card.experiment.values).toContainEqual({
      path: "pretrain.mask.form",
      value: "exactly",
      source: "BEiT v2",
    });
    expect(card.experiment.artifacts.every(({ blobs }) => Object.keys(blobs).length > 0)).toBe(true);
  });

  it("names the devices that were computed on, and the library's build", async () => {
    const record = await store.runs.read(id);
    const found = { devices: "CPU:0, GPU:0", accelerator: "H100, 550.1", tensorflowBuild: "cuda12" };
    await store.runs.write({ ...record, software: { ...record.software, ...found } });
    const { hardware, software } = await makeCard(store, id);
    await store.runs.write(record);
    expect(hardware).toMatchObject({ ...record.machine, devices: "CPU:0, GPU:0", accelerator: "H100, 550.1" });
    expect(software).toEqual({ ...card.software, tensorflowBuild: "cuda12" });
  });

  it("names by their hashes the folder, the weights and the artifacts that came from outside", async () => {
    expect(card.inputs).toEqual({ folder: null, weights: [], given: [] });
    const digest = "e".repeat(64);
    const origin = { preset: "mocov3-vit-b16", digest, licence: "CC BY-NC 4.0" };
    const weights = { stage: "perceptual-network", digest, origin };
    const other = await exampleRun(join(folder, "outside"), { flat: true, pictures: 1, weights: [weights] });
    const record = await other.store.runs.read(other.id);
    expect((await makeCard(other.store, other.id)).inputs).toEqual({
      folder: folderDigest,
      weights: [
        {
          stage: "perceptual-network",
          key: "perceptualNetwork.weights",
          path: "weights/moco.safetensors",
          digest,
          preset: "mocov3-vit-b16",
          licence: "CC BY-NC 4.0",
        },
      ],
      given: [],
    });
    const stages = record.stages.filter(({ name }) => name === "data" || name === "evaluate");
    await other.store.runs.write({ ...record, stages });
    const given = await makeCard(other.store, other.id);
    const made = (name: string) => record.stages.find((stage) => stage.name === name)?.artifact;
    expect(given.inputs?.given).toEqual([
      { name: "codebook", artifact: made("codebook"), kind: "tokenizer" },
      { name: "perceptual-network", artifact: made("perceptual-network"), kind: "perceptual-network" },
      { name: "pretrain", artifact: made("pretrain"), kind: "pretrained-vit" },
    ]);
    expect(renderCard(given)).toContain(made("codebook"));
  });

  it("names a file of weights once that several stages read", async () => {
    const digest = "f".repeat(64);
    const origin = { preset: "dino", digest, licence: "Apache-2.0" };
    const weights = [
      { stage: "finetune", digest, origin },
      { stage: "evaluate", digest },
    ];
    const other = await exampleRun(join(folder, "imported"), { weights });
    expect((await makeCard(other.store, other.id)).inputs?.weights).toEqual([
      {
        ...{ stage: "finetune", key: "finetune.weights", path: "weights/dino.safetensors" },
        ...{ digest, preset: "dino", licence: "Apache-2.0" },
      },
    ]);
  });

  it("of an earlier format, without those hashes, can be read", () => {
    const { inputs: _, ...old } = { ...card, format: 1 };
    expect(reproducibilityCard.parse(old)).toEqual(old);
    expect(reproducibilityCard.safeParse({ ...card, format: 3 }).success).toBe(false);
  });

  it("leaves times out of the figures that are compared", () => {
    const figures = figuresOf({ loss: 1, stepSeconds: 2, waitShare: 0.1, arms: [{ top1: 0.5, seconds: 3 }] });
    expect(figures).toEqual({ loss: 1, "arms.0.top1": 0.5 });
  });

  it("is a page of one file that escapes what it shows", () => {
    const page = renderCard({ ...card, data: { ...card.data, source: "/photos/<b>&" } });
    expect(page).toContain("/photos/&lt;b&gt;&amp;");
    expect(page).not.toMatch(/<script|src="http/);
    for (const id of ["pseudocode", "code", "open-data", "splits", "hardware", "software", "experiment"])
      expect(page).toContain(`id="${id}"`);
  });

  it("is refused for a run that did not finish", async () => {
    const record = await store.runs.read(id);
    await store.runs.write({ ...record, state: "failed" });
    await expect(makeCard(store, id)).rejects.toThrow("only a finished run has a card");
    await store.runs.write(record);
  });
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store, sha256 } from "@peco/artifacts";
import { Dataset } from "@peco/data";
import { exportWeights, initVisionTransformer } from "@peco/models";
import type { StageProgress } from "@peco/stage";
import { Diverged, WrongArtifact } from "@peco/training";
import {
  decodeSafetensors,
  encodeSafetensors,
  flatten,
  type HostArray,
  random,
  type Tree,
  tf,
} from "tfjs-libtensorflow";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { classes, runHere, shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";
import { bestRate, finetuneStage, TooFewLabels } from "../src/index.ts";

let folder: string;
let store: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-finetune-"));
  store = join(folder, "store");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const sets = ["finetune.repeats=2", "finetune.lrs=[0.001, 0.003]"];

async function prepared(stage: "finetune" | "finetune-from-scratch", ...more: string[]) {
  const recipe = shortRecipe(...sets, ...more);
  const inputs = await untrainedStore(store, recipe);
  return { recipe, inputs, spec: specFor(stage, { store, recipe, inputs }) };
}

/** Runs a stage; the last argument may listen. */
async function trained(
  stage: "finetune" | "finetune-from-scratch",
  ...more: (string | ((event: StageProgress) => unknown))[]
) {
  const { spec } = await prepared(stage, ...more.filter((set) => typeof set === "string"));
  const listen = more.find((set) => typeof set === "function");
  const outcome = await runHere(finetuneStage, spec, { onEvent: (event) => listen?.(event) });
  return { spec, ...outcome };
}

describe("the stages of fine-tuning", () => {
  for (const stage of ["finetune", "finetune-from-scratch"] as const) {
    it(`${stage} trains every rate and repeat, publishes all, and leaves no tensor behind`, async () => {
      const { spec, recipe } = await prepared(stage, "finetune.steps=25");
      const before = tf.memory().numTensors;
      const evaluations: StageProgress[] = [];
      const { artifact, metrics } = await runHere(finetuneStage, spec, {
        onEvent: (event) => event.kind === "evaluation" && evaluations.push(event),
      });
      expect(tf.memory().numTensors).toBe(before);
      expect(metrics).toMatchObject({ steps: 100, images: 100 * recipe.finetune.batch });
      expect(evaluations.map((event) => "part" in event && event.part)).toEqual([
        "lr 0.001, repeat 1",
        "lr 0.001, repeat 2",
        "lr 0.003, repeat 1",
        "lr 0.003, repeat 2",
      ]);
      // Three classes by brightness: 25 steps see each picture eight times.
      expect(metrics["validation"]).toBeGreaterThan(0.6);

      const opened = await Store.open(store);
      const { kind, meta, inputs } = await opened.manifest(artifact);
      expect(kind).toBe("classifier");
      expect(inputs).toEqual(spec.inputs);
      expect(meta["config"]).toMatchObject({ vit: { ...recipe.image, ...recipe.vit }, classes, lr: metrics["lr"] });
      const { tensors } = decodeSafetensors(await opened.artifactBlob(artifact, "weights.safetensors"));
      const networks = new Set(Object.keys(tensors).map((name) => name.split(".").slice(0, 2).join(".")));
      expect([...networks].sort()).toEqual(["networks.0", "networks.1", "networks.2", "networks.3"]);
      expect(tensors["networks.3.head.weight"]?.shape).toEqual([recipe.vit.width, classes.length]);
      expect(tensors["networks.0.head.weight"]?.data).not.toEqual(tensors["networks.1.head.weight"]?.data);
      const history = JSON.parse(new TextDecoder().decode(await opened.artifactBlob(artifact, "history.json")));
      expect(Object.keys(history)).toContain("lr 0.003, repeat 2");
    });
  }

  it("gives the same artifact when it was stopped in the second network and went on", async () => {
    const { spec } = await prepared("finetune");
    const whole = await runHere(finetuneStage, spec);
    await rm(store, { recursive: true, force: true });
    await prepared("finetune");
    const stop = new AbortController();
    const onEvent = (event: StageProgress) => {
      if (event.kind === "checkpoint" && event.part === "lr 0.001, repeat 2") stop.abort();
    };
    await expect(runHere(finetuneStage, spec, { onEvent, signal: stop.signal })).rejects.toMatchObject({
      exitCode: 130,
    });
    const checkpoints: string[] = [];
    const resumed = await runHere(finetuneStage, spec, {
      onEvent: (event) => event.kind === "checkpoint" && checkpoints.push(event.part),
    });
    expect(checkpoints).not.toContain("lr 0.001, repeat 1");
    expect(resumed.artifact).toBe(whole.artifact);
  });

  it("refuses another kind of network, by name", async () => {
    const { recipe, inputs } = await prepared("finetune");
    const spec = specFor("finetune", { store, recipe, inputs: { ...inputs, pretrained: inputs["tokenizer"] ?? "" } });
    await expect(runHere(finetuneStage, spec)).rejects.toThrow(WrongArtifact);
    await expect(runHere(finetuneStage, spec)).rejects.toThrow('is a "tokenizer" and not a "pretrained-vit"');
  });

  it("starts from the perceptual network, on fewer labels, and averages the weights", async () => {
    const { spec, metrics, artifact } = await trained(
      "finetune",
      "finetune.start=perceptual-network",
      "finetune.labels=9",
      "finetune.batch=6",
      "finetune.averageDecay=0.5",
    );
    expect(Object.keys(spec.inputs).sort()).toEqual(["data", "perceptualNetwork"]);
    expect(metrics["labels"]).toBe(9);
    const [first] = metrics["networks"] as { average: { validation: number; best: { step: number } } }[];
    expect(first?.average.best.step).toBe(6);
    const opened = await Store.open(store);
    const { tensors } = decodeSafetensors(await opened.artifactBlob(artifact, "weights.safetensors"));
    expect(tensors["averages.3.head.weight"]?.shape).toEqual(tensors["networks.3.head.weight"]?.shape);
    expect(tensors["averages.3.head.weight"]?.data).not.toEqual(tensors["networks.3.head.weight"]?.data);
  });

  it("says how the network's own pictures are prepared, and fills with its own mean", async () => {
    const sets = [
      "finetune.start=perceptual-network",
      "finetune.randAugment={operations: 2, magnitude: 9, deviation: 0.5}",
    ];
    const { recipe, inputs, spec } = await prepared("finetune", ...sets);
    const opened = await Store.open(store);
    const { kind, blobs, meta } = await opened.manifest(inputs["perceptualNetwork"] ?? "");
    const colours = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const config = { ...(meta["config"] as object), ...colours };
    const outside = await opened.publish({ kind, blobs, inputs: {}, meta: { ...meta, config } as typeof meta });
    const given = vi.spyOn(Dataset.prototype, "batches");
    const fills = () =>
      given.mock.calls.flatMap(([asked]) => (asked.kind === "labelled" && asked.views.randAugment?.fill) || []);
    try {
      const own = specFor("finetune", { store, recipe, inputs: { ...inputs, perceptualNetwork: outside } });
      const { artifact } = await runHere(finetuneStage, { ...own, preflight: true });
      expect((await opened.manifest(artifact)).meta["preprocessing"]).toEqual({ size: 32, ...colours });
      expect(fills()).toEqual([124, 116, 104]);
      given.mockClear();
      // A network with the recipe's own colours.
      const plain = await runHere(finetuneStage, { ...spec, preflight: true });
      const { size, mean, std } = recipe.image;
      expect((await opened.manifest(plain.artifact)).meta["preprocessing"]).toEqual({ size, mean, std });
      expect(fills()).toEqual([128, 128, 128]);
    } finally {
      given.mockRestore();
    }
  });

  it("says the size of the pictures that a network was fine-tuned with", async () => {
    for (const stage of ["finetune", "finetune-from-scratch"] as const) {
      const { recipe, spec } = await prepared(stage, "data.form=encoded", "finetune.pictureSize=16");
      const { artifact } = await runHere(finetuneStage, { ...spec, preflight: true });
      const { meta } = await (await Store.open(store)).manifest(artifact);
      const { mean, std } = recipe.image;
      expect(meta["preprocessing"]).toEqual({ size: 16, mean, std });
    }
  });

  it("names the file that a classifier was fine-tuned from, its digest and its licence", async () => {
    const recipe = shortRecipe("vit.positions=learned");
    const vit = { ...recipe.image, ...recipe.vit };
    const network = initVisionTransformer(random.key(5), vit, "encoder");
    const leaves = flatten(network as unknown as Tree<tf.Tensor>).map(([path, tensor]): [string, HostArray] => [
      path,
      { dtype: "float32", shape: tensor.shape, data: Float32Array.from(tensor.dataSync()) },
    ]);
    tf.dispose(network as unknown as tf.TensorContainer);
    const shape = { vit, role: "encoder", pool: "class-token", outputs: 0, tables: "shared", finalNorm: true } as const;
    const { tensors } = exportWeights(Object.fromEntries(leaves), shape);
    const own = Object.entries(tensors).map(([name, leaf]) => [`module.base_encoder.${name}`, leaf]);
    const bytes = encodeSafetensors(Object.fromEntries(own));
    const file = join(folder, "moco.safetensors");
    await writeFile(file, bytes);
    const { artifact } = await trained(
      "finetune",
      "vit.positions=learned",
      "finetune.start=weights",
      `finetune.weights=${file}`,
    );
    const { meta } = await (await Store.open(store)).manifest(artifact);
    expect(meta["origin"]).toEqual({
      preset: "mocov3",
      digest: sha256(bytes),
      licence: "CC BY-NC 4.0 (facebookresearch/moco-v3): not for commercial use",
    });
  });

  it("takes from scratch as many steps as the recipe says, and tells the best validation beside the last", async () => {
    const events: StageProgress[] = [];
    const { metrics } = await trained(
      "finetune-from-scratch",
      "finetune.fromScratchSteps=10",
      "finetune.validateEverySteps=4",
      (event) => event.kind === "evaluation" && events.push(event),
    );
    expect(metrics["steps"]).toBe(40);
    expect(events.slice(0, 3).map((event) => event.kind === "evaluation" && event.step)).toEqual([4, 8, 10]);
    const seen = events.slice(0, 3).map((event) => (event.kind === "evaluation" ? event.metrics["top1"] : undefined));
    const [first] = metrics["networks"] as { validation: number; best: { validation: number } }[];
    expect(first?.validation).toBe(seen[2]);
    expect(first?.best.validation).toBe(Math.max(...(seen as number[])));
  });

  it("leaves out a learning rate that diverges, and ends when all do", async () => {
    const sets = ["finetune.optimizer.clip=null", "finetune.optimizer.warmup=0"];
    const { metrics } = await trained("finetune", ...sets, "finetune.lrs=[1.0e+30, 0.001]");
    expect(metrics["lr"]).toBe(0.001);
    expect(metrics["networks"]).toHaveLength(2);
    expect(metrics["diverged"]).toMatchObject([{ lr: 1e30, repeat: 1 }]);
    await rm(store, { recursive: true, force: true });
    await expect(trained("finetune", ...sets, "finetune.lrs=[1.0e+30, 1.0e+31]")).rejects.toBeInstanceOf(Diverged);
  });

  it("refuses fewer labels than classes", async () => {
    await expect(trained("finetune", "finetune.labels=2", "finetune.batch=2")).rejects.toThrow(TooFewLabels);
  });

  it("a preflight does one step of one network", async () => {
    const { recipe, inputs } = await prepared("finetune");
    const spec = specFor("finetune", { store, recipe, inputs, preflight: true });
    const { metrics } = await runHere(finetuneStage, spec);
    expect(metrics).toMatchObject({ steps: 1, lr: 0.001 });
  });

  it("takes the rate with the best mean on validation, and the first of equal ones", () => {
    const at = (lr: number, ...scores: number[]) => scores.map((validation) => ({ lr, validation }));
    expect(bestRate([...at(1, 0.2, 0.6), ...at(2, 0.5, 0.5)])).toBe(2);
    expect(bestRate([...at(1, 0.5, 0.5), ...at(2, 0.4, 0.6)])).toBe(1);
  });
});

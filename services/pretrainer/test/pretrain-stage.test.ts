import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { batchesService } from "@peco/masking-service";
import { startServer } from "@peco/rpc";
import type { StageSpec } from "@peco/stage";
import { Diverged } from "@peco/training";
import { decodeSafetensors, tf } from "tfjs-libtensorflow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runHere, shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";
import { pretrainStage } from "../src/index.ts";

let store: string;
beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "peco-pretrain-"));
});
afterEach(() => rm(store, { recursive: true, force: true }));

/** A recipe with its inputs in the store, and the specification of the stage. */
async function prepared(...sets: string[]) {
  const recipe = shortRecipe(...sets);
  return { recipe, spec: specFor("pretrain", { store, recipe, inputs: await untrainedStore(store, recipe) }) };
}

describe("the stage pretrain", () => {
  it("publishes the network with its head, learns, and leaves no tensor behind", async () => {
    const { spec, recipe } = await prepared("pretrain.steps=40", "pretrain.optimizer.lr=3.0e-3");
    const before = tf.memory().numTensors;
    const { artifact, metrics } = await runHere(pretrainStage, spec);
    expect(tf.memory().numTensors).toBe(before);
    expect(metrics).toMatchObject({ steps: 40, images: 40 * recipe.pretrain.batch });
    expect(metrics["gflop"]).toBeGreaterThan(0);

    const opened = await Store.open(store);
    const { kind, meta, inputs } = await opened.manifest(artifact);
    expect(kind).toBe("pretrained-vit");
    expect(inputs).toEqual(spec.inputs);
    expect(meta["config"]).toEqual({ ...recipe.image, ...recipe.vit });
    const { tensors } = decodeSafetensors(await opened.artifactBlob(artifact, "weights.safetensors"));
    expect(tensors["vit.maskToken"]?.shape).toEqual([1, 1, recipe.vit.width]);
    expect(tensors["head.weight"]?.shape).toEqual([recipe.vit.width, recipe.codebook.size]);
    expect(Object.keys(tensors).filter((name) => !/^(vit|head)\./.test(name))).toEqual([]);
    const history = JSON.parse(new TextDecoder().decode(await opened.artifactBlob(artifact, "history.json")));
    expect(history.at(-1).loss).toBeLessThan(0.9 * history[0].loss);
  });

  it("gives the same artifact when it was stopped and went on, and with positions and drop path as BEiT's", async () => {
    const sets = [
      "vit.positions=relative",
      "vit.init=beit",
      "vit.layerScale=0.1",
      "vit.keyBias=false",
      "vit.dropPath=0.1",
    ];
    const { spec } = await prepared(...sets, "pretrain.mask.form=at-most");
    const whole = await runHere(pretrainStage, spec);

    await rm(store, { recursive: true, force: true });
    await prepared(...sets, "pretrain.mask.form=at-most");
    const stop = new AbortController();
    const onEvent = ({ kind }: { kind: string }) => {
      if (kind === "checkpoint") stop.abort();
    };
    await expect(runHere(pretrainStage, spec, { onEvent, signal: stop.signal })).rejects.toMatchObject({
      exitCode: 130,
    });
    const steps: number[] = [];
    const resumed = await runHere(pretrainStage, spec, {
      onEvent: (event) => {
        if (event.kind === "checkpoint") steps.push(event.step);
      },
    });
    expect(steps[0]).toBeGreaterThan(1);
    expect(resumed.artifact).toBe(whole.artifact);
  });

  it("gives the same artifact from a masking service's batches", async () => {
    const { recipe, spec } = await prepared();
    const local = await runHere(pretrainStage, spec);
    await rm(store, { recursive: true, force: true });
    await prepared();
    const server = await startServer({ services: [batchesService()] });
    try {
      const masking = { address: server.address, token: server.token };
      const remote = specFor("pretrain", { store, recipe, inputs: spec.inputs, masking });
      expect((await runHere(pretrainStage, remote)).artifact).toBe(local.artifact);
    } finally {
      await server.close(0);
    }
  });

  it("predicts pixels without a tokenizer, learns, and leaves no tensor behind", async () => {
    const { spec, recipe } = await prepared("pretrain.target=pixels", "pretrain.steps=40");
    expect(Object.keys(spec.inputs)).toEqual(["data"]);
    const before = tf.memory().numTensors;
    const { artifact, metrics } = await runHere(pretrainStage, spec);
    expect(tf.memory().numTensors).toBe(before);
    const opened = await Store.open(store);
    const { tensors } = decodeSafetensors(await opened.artifactBlob(artifact, "weights.safetensors"));
    expect(tensors["head.weight"]?.shape).toEqual([recipe.vit.width, recipe.image.patch ** 2 * 3]);
    const history = JSON.parse(new TextDecoder().decode(await opened.artifactBlob(artifact, "history.json")));
    expect(history[0]).not.toHaveProperty("accuracy");
    expect(history.at(-1).loss).toBeLessThan(0.98 * history[0].loss);
    expect(metrics["loss"]).toBe(history.at(-1).loss);
  });

  it("in micro-batches, and from a masking service, it learns as with the whole batch", async () => {
    const history = async (masking: StageSpec["masking"], ...sets: string[]) => {
      await rm(store, { recursive: true, force: true });
      const { recipe, spec } = await prepared("vit.dropPath=0.2", "pretrain.mask.form=at-most", ...sets);
      const own = specFor("pretrain", { store, recipe, inputs: spec.inputs, masking });
      const { artifact } = await runHere(pretrainStage, own);
      const blob = await (await Store.open(store)).artifactBlob(artifact, "history.json");
      return {
        artifact,
        losses: (JSON.parse(new TextDecoder().decode(blob)) as { loss: number }[]).map((row) => row.loss),
      };
    };
    const whole = await history(null);
    const parts = await history(null, "pretrain.microBatch=4");
    expect(parts.losses).toHaveLength(8);
    parts.losses.forEach((loss, step) => {
      // Rounding grows from step to step.
      expect(Math.abs(loss - (whole.losses[step] as number))).toBeLessThan(1e-5 * 3 ** step);
    });
    const server = await startServer({ services: [batchesService()] });
    try {
      const remote = await history({ address: server.address, token: server.token }, "pretrain.microBatch=4");
      expect(remote.artifact).toBe(parts.artifact);
    } finally {
      await server.close(0);
    }
  });

  it("goes on in micro-batches from where it was stopped", async () => {
    const sets = ["pretrain.microBatch=4", "pretrain.steps=5", "runtime.checkpointSeconds=1000"];
    const { spec } = await prepared(...sets);
    const whole = await runHere(pretrainStage, spec);
    await rm(store, { recursive: true, force: true });
    await prepared(...sets);
    const stop = new AbortController();
    const onEvent = ({ kind }: { kind: string }) => {
      if (kind === "checkpoint") stop.abort();
    };
    await expect(runHere(pretrainStage, spec, { onEvent, signal: stop.signal })).rejects.toMatchObject({
      exitCode: 130,
    });
    expect((await runHere(pretrainStage, spec)).artifact).toBe(whole.artifact);
  });

  it("ends a run that diverges", async () => {
    const { spec } = await prepared("pretrain.optimizer.lr=1.0e+30", "pretrain.optimizer.clip=null");
    await expect(runHere(pretrainStage, spec)).rejects.toBeInstanceOf(Diverged);
  });

  it("a preflight does one step", async () => {
    const { recipe, spec } = await prepared();
    const preflight = specFor("pretrain", { store, recipe, inputs: spec.inputs, preflight: true });
    expect((await runHere(pretrainStage, preflight)).metrics).toMatchObject({ steps: 1 });
  });
});

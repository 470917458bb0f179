import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import type { StageContext, StageProgress } from "@peco/stage";
import { hostArray } from "tfjs-libtensorflow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { shortRecipe, specFor } from "../test/untrained-store.ts";
import { loadModel, type ModelContent, publishModel } from "./model-artifact.ts";

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-model-"));
  store = await Store.open(folder, { create: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const config = z.strictObject({ width: z.int() });
const content: ModelContent = {
  kind: "toy",
  weights: { "a.b": hostArray("float32", [2], Float32Array.of(1, 2)), c: hostArray("int32", [], Int32Array.of(5)) },
  config: { width: 4 },
  history: [{ step: 10, loss: 0.5 }],
  figures: { steps: 10, images: 160, gflop: 3 },
};

async function publish(changes: Partial<ModelContent> = {}): Promise<{ digest: string; events: StageProgress[] }> {
  const recipe = shortRecipe();
  const data = await store.publish({ kind: "data", blobs: {}, inputs: {}, meta: {} });
  const spec = specFor("perceptual-network", { store: folder, recipe, inputs: { data } });
  const events: StageProgress[] = [];
  const context = {
    store,
    spec,
    recipe,
    emit: (event: StageProgress) => void events.push(event),
  } as unknown as StageContext;
  return { digest: await publishModel(context, { ...content, ...changes }), events };
}

describe("a model in the store", () => {
  it("comes back as it was published, with how pictures are prepared", async () => {
    const { digest, events } = await publish();
    expect(events).toEqual([{ kind: "artifact", artifactKind: "toy", digest }]);
    const model = await loadModel(store, digest, ["other", "toy"], config);
    expect(model).toEqual({
      digest,
      kind: "toy",
      config: { width: 4 },
      preprocessing: { size: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
      weights: content.weights,
    });
    const { meta } = await store.manifest(digest);
    expect(meta).toMatchObject({ steps: 10, images: 160, gflop: 3 });
    const history = new TextDecoder().decode(await store.artifactBlob(digest, "history.json"));
    expect(JSON.parse(history)).toEqual(content.history);
  });

  it("has one digest for equal content, in whatever order its weights come, and another for other content", async () => {
    const { digest } = await publish();
    const reversed = Object.fromEntries(Object.entries(content.weights).reverse());
    expect((await publish({ weights: reversed })).digest).toBe(digest);
    const changed = { ...content.weights, c: hostArray("int32", [], Int32Array.of(6)) };
    expect((await publish({ weights: changed })).digest).not.toBe(digest);
  });

  it("of another kind is refused, and so is one whose configuration this version does not know", async () => {
    const { digest } = await publish();
    const kind = loadModel(store, digest, ["tokenizer"], config);
    await expect(kind).rejects.toMatchObject({ name: "WrongArtifact", exitCode: 76, path: digest });
    await expect(kind).rejects.toThrow(`artifact ${digest} is a "toy" and not a "tokenizer"`);
    const newer = await publish({ config: { width: 4, depth: 2 } });
    await expect(loadModel(store, newer.digest, ["toy"], config)).rejects.toMatchObject({
      name: "StoreFormatError",
      exitCode: 76,
    });
  });

  it("with a damaged byte is refused", async () => {
    const { digest } = await publish();
    const { blobs } = await store.manifest(digest);
    const blob = blobs["weights.safetensors"]?.digest as string;
    await rm(join(folder, "blobs", blob.slice(0, 2), blob), { force: true });
    await writeFile(join(folder, "blobs", blob.slice(0, 2), blob), "other bytes");
    await expect(loadModel(store, digest, ["toy"], config)).rejects.toMatchObject({
      name: "CorruptObject",
      exitCode: 76,
    });
  });
});

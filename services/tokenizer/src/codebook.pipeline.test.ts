import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { packGenerated, writeGeneratedSet } from "@peco/data";
import { codebookPerplexity, codebookUsage, codeCounts } from "@peco/models";
import { loadRecipe } from "@peco/recipes";
import { loadTokenizer, openData } from "@peco/training";
import { tf } from "tfjs-libtensorflow";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runHere, specFor } from "../../../libs/training/test/untrained-store.ts";
import { codebookStage, perceptualNetworkStage } from "./index.ts";

/** The small recipe with a tenth of its pictures and fewer steps: about 20 s on two idle cores. */
const sets = ["perceptualNetwork.steps=100", "codebook.steps=300", "runtime.threads=1"];
const pictures = { train: 1024, labelled: 320, validation: 16, test: 512 };

let folder: string;
let inputs: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-codebook-"));
  const { recipe } = loadRecipe("small", { sets });
  const store = await Store.open(join(folder, "store"), { create: true });
  const set = await writeGeneratedSet(join(folder, "set"), { seed: 1n, side: recipe.image.size, ...pictures });
  const { index } = await packGenerated(set, join(folder, "set"), {
    form: "decoded",
    out: join(folder, "pictures.u8"),
    side: recipe.image.size,
  });
  const blobs = {
    "pictures.u8": await store.putBlob(createReadStream(join(folder, "pictures.u8"))),
    "index.json": await store.putBlob(new TextEncoder().encode(JSON.stringify(index))),
  };
  inputs = { data: await store.publish({ kind: "data", blobs, inputs: {}, meta: {} }) };
  const spec = specFor("perceptual-network", { store: join(folder, "store"), recipe, inputs });
  inputs["perceptualNetwork"] = (await runHere(perceptualNetworkStage, spec)).artifact;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Trains a codebook, and tells how the frozen one is used on the test pictures. */
async function trained(...more: string[]): Promise<{ usage: number; perplexity: number }> {
  const { recipe } = loadRecipe("small", { sets: [...sets, ...more] });
  const path = join(folder, "store");
  const { artifact } = await runHere(codebookStage, specFor("codebook", { store: path, recipe, inputs }));
  const store = await Store.open(path);
  using tokenizer = await loadTokenizer(store, artifact);
  await using data = await openData(store, inputs["data"] as string);
  const batches = data.batches({
    kind: "in-order",
    pictures: { split: "test" },
    batch: pictures.test,
    size: recipe.image.size,
  });
  const { images } = await batches.at(0);
  return tf.tidy(() => {
    const tokens = tokenizer.tokenise(
      tf.tensor4d(Float32Array.from(images.data), images.shape as [number, number, number, number]),
    );
    const counts = codeCounts(tf.reshape(tokens, [-1]), tokenizer.codes);
    return { usage: codebookUsage(counts).arraySync(), perplexity: codebookPerplexity(counts).arraySync() };
  });
}

it("the small recipe's codebook is used whole, and without restarts it collapses", async () => {
  const whole = await trained();
  expect(whole.usage).toBeGreaterThanOrEqual(0.9);
  expect(whole.perplexity).toBeGreaterThanOrEqual(0.6 * 256);
  const collapsed = await trained("codebook.restartBelow=0");
  expect(collapsed.perplexity).toBeLessThan(0.25 * 256);
}, 600_000);

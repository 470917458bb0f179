import { initVqAutoencoder, reconstruct, startCodebook } from "@peco/models";
import { tokenizerOf, vqTokenizerConfig } from "@peco/training";
import { flatten, type HostArray, random, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import { initialCodebookState, tokenizerWeights } from "./codebook-state.ts";

const key = random.key(3n);

/** A state's leaves by path, with the codes given. */
function stateOf(own: ReturnType<typeof shortRecipe>["codebook"], vectors: tf.Tensor2D) {
  const autoencoder = initVqAutoencoder(own, random.fold(key, "autoencoder"));
  const state = initialCodebookState(own, autoencoder, startCodebook(vectors, 1, own));
  const leaves = flatten(state).map(([path, tensor]): [string, HostArray] => [
    path,
    { dtype: "float32", shape: (tensor as tf.Tensor).shape, data: Float32Array.from((tensor as tf.Tensor).dataSync()) },
  ]);
  return { autoencoder, leaves: Object.fromEntries(leaves) };
}

describe("what a tokenizer keeps of its training", () => {
  it("chooses learned codes of length 1 as they were chosen in training, whatever their lengths are", () => {
    const { image, codebook: own } = shortRecipe("codebook.codes=gradient", "codebook.unitLength=true");
    const lengths = tf.add(0.2, tf.mul(3, random.uniform(random.fold(key, "lengths"), [own.size, 1])));
    const vectors = tf.mul<tf.Tensor2D>(random.normal(random.fold(key, "codes"), [own.size, own.width]), lengths);
    const { autoencoder, leaves } = stateOf(own, vectors);
    const shape = [4, image.size, image.size, 3] as [number, number, number, number];
    const pictures = tf.mul<tf.Tensor4D>(random.uniform(random.fold(key, "pictures"), shape), 255);
    const trained = reconstruct({ autoencoder, vectors }, pictures, own, image);
    const { size, mean, std } = image;
    using tokenizer = tokenizerOf("", vqTokenizerConfig(own), { size, mean, std }, tokenizerWeights(own, leaves));
    expect([...tokenizer.tokenise(pictures).dataSync()]).toEqual([...trained.indices.dataSync()]);
    expect(new Set(trained.indices.dataSync()).size).toBeGreaterThan(1);
    const decoded = tokenizer.decode?.(tokenizer.tokenise(pictures)) as tf.Tensor4D;
    expect(tf.max(tf.abs(tf.sub(decoded, trained.reconstruction))).arraySync()).toBeLessThan(1e-3);
  });

  it("is autoencoder and codebook as they are with other codes", () => {
    for (const sets of [[], ["codebook.codes=gradient"], ["codebook.unitLength=true"]]) {
      const own = shortRecipe(...sets).codebook;
      const { leaves } = stateOf(own, random.normal(key, [own.size, own.width]) as tf.Tensor2D);
      const kept = tokenizerWeights(own, leaves);
      expect(Object.keys(kept)).toEqual(Object.keys(leaves).filter((path) => !path.startsWith("slots")));
      for (const [path, leaf] of Object.entries(kept)) expect(leaf).toBe(leaves[path]);
    }
  });
});

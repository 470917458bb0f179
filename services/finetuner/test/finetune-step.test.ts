import { initVisionTransformer } from "@peco/models";
import { leaves, type Named } from "@peco/nn";
import { wholeStep } from "@peco/training";
import { jit, random, type Tree, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { drawnBatch, expectSameCompiledAndEager } from "../../../libs/training/test/compiled-and-eager.ts";
import { distance, expectSameInParts, stepped } from "../../../libs/training/test/in-parts.ts";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import { type FinetuneOptions, finetuneStep, initFinetuning } from "../src/index.ts";

const classes = 5;
const batch = drawnBatch({
  images: { shape: [6, 32, 32, 3], values: 256 },
  labels: { shape: [6], values: classes, dtype: "int32" },
});

function options(...sets: string[]): FinetuneOptions {
  const recipe = shortRecipe(...sets);
  return {
    vit: { ...recipe.image, ...recipe.vit },
    recipe: recipe.finetune,
    precision: "float32",
    recompute: "none",
    classes,
  };
}

describe("a step of fine-tuning", () => {
  for (const [name, chosen] of [
    ["plain", options()],
    [
      "with everything on",
      options(
        "finetune.mixup=0.8",
        "finetune.cutmix=1",
        "finetune.dropPath=0.3",
        "finetune.layerDecay=0.65",
        "finetune.headInitScale=0.001",
        "vit.positions=relative",
        "vit.init=beit",
      ),
    ],
  ] as const) {
    it(`gives compiled what it gives eagerly, ${name}`, async () => {
      await expectSameCompiledAndEager(
        jit(wholeStep(finetuneStep(chosen)), { name, compiler: "graph" }),
        initFinetuning(chosen, random.key(4)),
        batch,
        1e-5,
      );
    });
  }

  const large = drawnBatch({
    images: { shape: [8, 32, 32, 3], values: 256 },
    labels: { shape: [8], values: classes, dtype: "int32" },
    erase: { shape: [8, 4], values: 16, dtype: "int32" },
  });
  for (const [mixGroup, microBatch] of [
    [4, 2],
    [4, 4],
    [2, 4],
    [8, 2],
  ] as const) {
    it(`gives in parts of ${microBatch} what it gives of the whole batch, mixed in groups of ${mixGroup}`, async () => {
      const sets = ["mixup=0.8", "cutmix=1", "dropPath=0.5", "averageDecay=0.9", "batch=8", `mixGroup=${mixGroup}`];
      const chosen = options(...sets.map((set) => `finetune.${set}`));
      const division = { batch: 8, microBatch, mixGroup };
      await expectSameInParts(finetuneStep(chosen), initFinetuning(chosen, random.key(4)), large, division);
    });
  }

  it("erases in parts what it erases of the whole batch at an odd size, too", async () => {
    const odd = drawnBatch({
      images: { shape: [8, 35, 35, 3], values: 256 },
      labels: { shape: [8], values: classes, dtype: "int32" },
      erase: { shape: [8, 4], values: 16, dtype: "int32" },
    });
    const chosen = options("finetune.batch=8");
    const sized = { ...chosen, vit: { ...chosen.vit, size: 35, patch: 7 } };
    const division = { batch: 8, microBatch: 2, mixGroup: null };
    await expectSameInParts(finetuneStep(sized), initFinetuning(sized, random.key(4)), odd, division);
  });

  it("gives the same gradients when blocks are computed again", async () => {
    const chosen = options("finetune.dropPath=0.5", "vit.positions=relative", "vit.layerScale=0.1", "finetune.batch=8");
    const initial = initFinetuning(chosen, random.key(4));
    const given = async (recompute: "none" | "blocks") =>
      (await stepped(finetuneStep({ ...chosen, recompute }), initial, large, { division: null })).given;
    expect(distance(await given("blocks"), await given("none")).largest).toBeLessThan(1e-6);
  });

  it("keeps of a pre-trained network all but mask token and norm, and copies shared positions into each block", () => {
    const chosen = options("vit.positions=relative");
    const fresh = initVisionTransformer(random.key(8), chosen.vit, "pretraining");
    // A fresh table is all zeros, which nothing would tell from another one.
    const table = random.normal(random.key(2), fresh.relativePositions?.shape ?? []) as tf.Tensor2D;
    const pretrained = { ...fresh, relativePositions: table };
    const { classifier } = initFinetuning(chosen, random.key(4), pretrained);
    const names = (tree: Tree) => leaves(tree).map(({ path }) => path);
    expect(names(classifier.vit)).toEqual(
      names({
        ...pretrained,
        blocks: pretrained.blocks.map((block) => ({ ...block, relativePositions: tf.zeros([1]) })),
      }).filter((path) => !/^(maskToken|norm\.|relativePositions)/.test(path)),
    );
    for (const { path, tensor } of leaves(pretrained)) {
      const kept = leaves(classifier.vit).find((leaf: Named) => leaf.path === path);
      if (kept !== undefined) expect(kept.tensor.dataSync(), path).toEqual(tensor.dataSync());
    }
    expect(classifier.vit.blocks).toHaveLength(chosen.vit.depth);
    for (const block of classifier.vit.blocks) expect(block.relativePositions?.dataSync()).toEqual(table.dataSync());
  });

  it("layer decay slows a layer by its depth", () => {
    const moved = (layerDecay: number) => {
      const chosen = options(`finetune.layerDecay=${layerDecay}`, "finetune.optimizer.weightDecay=0");
      const state = initFinetuning(chosen, random.key(4));
      const data = { images: tensor("images"), labels: tensor("labels") };
      const next = wholeStep(finetuneStep(chosen))(state, { data, hyper: { lr: tf.scalar(1e-3) } }, random.key(1));
      const before = new Map(leaves(state.classifier).map(({ path, tensor }) => [path, tensor]));
      return new Map(
        leaves(next.state.classifier).map(({ path, tensor }) => [
          path,
          tf.max(tf.abs(tf.sub(tensor, before.get(path) as tf.Tensor))).dataSync()[0] as number,
        ]),
      );
    };
    const tensor = (name: string) => {
      const { data, shape, dtype } = batch[name] as NonNullable<(typeof batch)[string]>;
      return tf.tensor(data, [...shape], dtype === "uint8" ? "float32" : dtype);
    };
    const [even, decayed] = [moved(1), moved(0.5)];
    const ratio = (path: string) => (decayed.get(path) as number) / (even.get(path) as number);
    // Two blocks: patch embedding has .5^3, the first block .5^2, the second .5, the head 1.
    expect(ratio("vit.patchEmbedding.weight")).toBeCloseTo(0.125, 3);
    expect(ratio("vit.blocks.0.mlp.in.weight")).toBeCloseTo(0.25, 3);
    expect(ratio("vit.blocks.1.mlp.in.weight")).toBeCloseTo(0.5, 3);
    expect(ratio("head.weight")).toBeCloseTo(1, 3);
  });
});

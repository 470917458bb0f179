import { initMaskedModel, type VisionTransformerConfig, visionTransformer } from "@peco/models";
import { adamW } from "@peco/nn";
import { wholeStep } from "@peco/training";
import { random, tf } from "tfjs-libtensorflow";
import { expect, it } from "vitest";
import { fixtureTree } from "../../../libs/models/test/fixture-tree.ts";
import { distanceOf, readSteps } from "../../../libs/training/test/reference-steps.ts";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import { type PretrainState, pretrainStep } from "../src/index.ts";

const { network, steps, config } = readSteps();

it("three steps of pre-training are BEiT's: losses, norms of the gradient, and what the network then gives", () => {
  const vit: VisionTransformerConfig = config;
  const { pretrain } = shortRecipe();
  const optimizer = { ...pretrain.optimizer, betas: [0.9, 0.98] as [number, number], weightDecay: 0.05, clip: 3 };
  const recipe = { ...pretrain, optimizer, mask: { ...pretrain.mask, count: 6 } };
  let shown = 0;
  const tokens = steps("tokens");
  const tokenise = () => tf.reshape(tf.slice(tokens, [shown, 0, 0], [1, -1, -1]), [3, 4, 4]);
  const options = { vit, recipe, dropPath: 0, precision: "float32", recompute: "none" } as const;
  const step = wholeStep(pretrainStep({ ...options, tokenizer: { codes: 11, tokenise } }));

  const model = fixtureTree(network, initMaskedModel(random.key(1), vit, 11), "beit.");
  let state: PretrainState = { model, slots: adamW(optimizer).init(model) };
  const pictures = network("pictures") as tf.Tensor4D;
  const mask = (i: number) => tf.reshape(tf.slice(steps("masks"), [i, 0, 0], [1, -1, -1]), [3, 16]);
  const measured = { losses: [] as number[], norms: [] as number[] };
  for (const lr of steps("lrs").dataSync()) {
    const data = { view1: pictures, view2: pictures, mask: tf.cast(mask(shown), "float32") };
    const next = step(state, { data, hyper: { lr: tf.scalar(lr) } }, random.key(1));
    measured.losses.push(next.metrics.loss.dataSync()[0] as number);
    measured.norms.push(next.metrics["gradNorm"]?.dataSync()[0] as number);
    state = next.state;
    shown++;
  }
  const { tokens: after } = visionTransformer(state.model.vit, vit, pictures, { mask: mask(0) as tf.Tensor2D });
  for (const [name, values] of Object.entries({ ...measured, after: after.dataSync() })) {
    const { distance, limit } = distanceOf(`pretrain.${name}`, values);
    expect(distance, name).toBeLessThanOrEqual(limit);
  }
});

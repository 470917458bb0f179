import {
  classToken,
  followQuery,
  initialMocoKey,
  initMoco,
  initVisionTransformer,
  type MocoKey,
  type MocoQuery,
  mocoKeys,
  mocoLoss,
  type VisionTransformer,
  type VisionTransformerConfig,
} from "@peco/models";
import { type AdamWSlots, adamW, onlyIfFinite } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import { autocast, type Key, random, type tf, valueAndGrad } from "tfjs-libtensorflow";

/** What MoCo v3 keeps from step to step. */
export type PerceptualNetworkState = {
  readonly query: MocoQuery<VisionTransformer>;
  readonly key: MocoKey<VisionTransformer>;
  readonly slots: AdamWSlots;
};

/** Two augmented views of the same pictures, 0..255, [batch, size, size, 3], and the values that schedules give. */
export type PerceptualNetworkBatch = {
  readonly data: { readonly view1: tf.Tensor4D; readonly view2: tf.Tensor4D };
  readonly hyper: { readonly lr: tf.Scalar; readonly momentum: tf.Scalar };
};

/** What the stage's recipe says about this step. */
export interface PerceptualNetworkOptions {
  readonly vit: VisionTransformerConfig;
  readonly recipe: Recipe["perceptualNetwork"];
  readonly precision: Recipe["runtime"]["precision"];
}

function optimizerOf({ optimizer, freezePatchEmbedding }: Recipe["perceptualNetwork"]) {
  const frozen = (path: string) => freezePatchEmbedding && path.startsWith("encoder.patchEmbedding.");
  return adamW({ ...optimizer, lrScale: ({ path }) => (frozen(path) ? 0 : 1) });
}

/** The state before the first step: a fresh transformer and heads; the key network starts as the query network. */
export function initPerceptualNetwork({ vit, recipe }: PerceptualNetworkOptions, key: Key): PerceptualNetworkState {
  const encoder = initVisionTransformer(random.fold(key, "encoder"), vit, "encoder");
  const widths = [recipe.head.hidden, recipe.head.width];
  const query = initMoco(encoder, vit.width, { projector: widths, predictor: widths }, random.fold(key, "heads"));
  return { query, key: initialMocoKey(query), slots: optimizerOf(recipe).init(query) };
}

/** One step of MoCo v3 over a vision transformer's class token; a step that is not finite changes nothing. */
export function perceptualNetworkStep({ vit, recipe, precision }: PerceptualNetworkOptions) {
  const optimizer = optimizerOf(recipe);
  const encode = (params: VisionTransformer, pictures: tf.Tensor4D) => classToken(params, vit, pictures);
  return (state: PerceptualNetworkState, { data, hyper }: PerceptualNetworkBatch) => {
    const views = [data.view1, data.view2] as const;
    const following = followQuery(state.key, state.query, hyper.momentum);
    const { loss, aux, grad } = autocast(precision, () => {
      const keys = mocoKeys(encode, following, views);
      return valueAndGrad((query: MocoQuery<VisionTransformer>) => {
        const { loss, ...aux } = mocoLoss(encode, query, views, keys, recipe.temperature);
        return { loss, aux };
      })(state.query);
    });
    const updated = optimizer.update(grad, state.slots, state.query, { lr: hyper.lr, loss });
    const { params: query, slots, gradNorm, finite } = updated;
    return {
      state: { query, key: onlyIfFinite(finite, following, state.key), slots },
      metrics: { loss, gradNorm, finite, ...aux },
    };
  };
}

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
  withoutGradient,
} from "@peco/models";
import { type AdamWSlots, adamW, onlyIfFinite } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import type { StepBatch, StepMetrics } from "@peco/training";
import { autocast, type Key, random, type Step, type tf, valueAndGrad } from "tfjs-libtensorflow";

type Query = MocoQuery<VisionTransformer>;

/** What MoCo v3 keeps from step to step. */
export type PerceptualNetworkState = {
  readonly query: Query;
  readonly key: MocoKey<VisionTransformer>;
  readonly slots: AdamWSlots;
};

/** What the stage's recipe says about this step. */
export interface PerceptualNetworkOptions {
  readonly vit: VisionTransformerConfig;
  readonly recipe: Recipe["perceptualNetwork"];
  readonly precision: Recipe["runtime"]["precision"];
  /** Whether blocks are computed again for their gradients. @default "none" */
  readonly recompute?: Recipe["runtime"]["recompute"];
}

function optimizerOf({ optimizer, freezePatchEmbedding }: Recipe["perceptualNetwork"]) {
  const frozen = (path: string) => freezePatchEmbedding && path.startsWith("encoder.patchEmbedding.");
  return adamW({ ...optimizer, lrScale: ({ path }) => (frozen(path) ? 0 : 1) });
}

/** A fresh encoder, the same before MoCo's first step and where nothing is trained. */
export function initEncoder(vit: VisionTransformerConfig, key: Key): VisionTransformer {
  return initVisionTransformer(random.fold(key, "encoder"), vit, "encoder");
}

/** The state before the first step: a fresh transformer and heads; the key network starts as the query network. */
export function initPerceptualNetwork({ vit, recipe }: PerceptualNetworkOptions, key: Key): PerceptualNetworkState {
  const encoder = initEncoder(vit, key);
  const { hidden, width, projectorLayers, predictorLayers } = recipe.head;
  const widths = (layers: number) => [...Array<number>(layers - 1).fill(hidden), width];
  const query = initMoco(
    encoder,
    vit.width,
    { projector: widths(projectorLayers), predictor: widths(predictorLayers) },
    random.fold(key, "heads"),
  );
  return { query, key: initialMocoKey(query), slots: optimizerOf(recipe).init(query) };
}

/** A step's encoder of queries; a frozen patch embedding is a constant in it, with no gradient to compute, clip or decay. */
function queryEncoder({ vit, recipe, recompute }: PerceptualNetworkOptions, { query }: PerceptualNetworkState) {
  const encode = encoderOf(vit, recompute === "blocks");
  if (!recipe.freezePatchEmbedding) return encode;
  const { weight, bias } = query.encoder.patchEmbedding;
  const fixed = {
    weight: withoutGradient(() => weight),
    ...(bias !== undefined && { bias: withoutGradient(() => bias) }),
  };
  return (params: VisionTransformer, pictures: tf.Tensor4D) => encode({ ...params, patchEmbedding: fixed }, pictures);
}

const encoderOf =
  (vit: VisionTransformerConfig, recompute = false) =>
  (params: VisionTransformer, pictures: tf.Tensor4D) =>
    classToken(params, vit, pictures, { recompute });

/**
 * One step of MoCo v3 over a vision transformer's class token; a step that is not finite changes nothing. Its batch holds
 * two augmented views of the same pictures, `view1` and `view2`, 0..255, [batch, size, size, 3], and the scheduled values
 * `lr` and `momentum` (of the key network).
 */
export function perceptualNetworkStep(
  options: PerceptualNetworkOptions,
): Step<PerceptualNetworkState, StepBatch, StepMetrics> {
  const { vit, recipe, precision } = options;
  const optimizer = optimizerOf(recipe);
  return (state, { data, hyper }) => {
    const views = [data["view1"] as tf.Tensor4D, data["view2"] as tf.Tensor4D] as const;
    const [lr, momentum] = [hyper["lr"] as tf.Scalar, hyper["momentum"] as tf.Scalar];
    const following = followQuery(state.key, state.query, momentum);
    const { loss, aux, grad } = autocast(precision, () => {
      const keys = mocoKeys(encoderOf(vit), following, views);
      const encode = queryEncoder(options, state);
      return valueAndGrad((query: Query) => {
        const { loss, ...aux } = mocoLoss(encode, query, views, keys, recipe.temperature);
        return { loss, aux };
      })(state.query);
    });
    const updated = optimizer.update(grad as Query, state.slots, state.query, { lr, loss });
    const { params: query, slots, gradNorm, finite } = updated;
    return {
      state: { query, key: onlyIfFinite(finite, following, state.key), slots },
      metrics: { loss, gradNorm, finite, ...aux },
    };
  };
}

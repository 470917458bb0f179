import type { Dataset, InOrder } from "@peco/data";
import { topKHits } from "@peco/metrics";
import { type Classifier, classify, type VisionTransformerConfig } from "@peco/models";
import type { StageContext } from "@peco/stage";
import { ReadAhead } from "@peco/training";
import { type Jitted, jit, random, State, type tf } from "tfjs-libtensorflow";

type Images = { readonly images: tf.Tensor4D };
type Logits = { readonly logits: tf.Tensor2D };

/** Measures classifiers on the validation split; compiled once for all networks of a stage. */
export class Validation {
  readonly #context: StageContext;
  readonly #data: Dataset;
  readonly #size: number;
  readonly #step: Jitted<Classifier, Images, Logits>;

  constructor(context: StageContext, data: Dataset, vit: VisionTransformerConfig) {
    this.#context = context;
    this.#data = data;
    this.#size = vit.size;
    this.#step = jit(
      (state: Classifier, { images }: Images) => ({ state, metrics: { logits: classify(state, vit, images) } }),
      {
        name: "validation",
        compiler: context.recipe.runtime.compiler,
      },
    );
  }

  /** Share of the validation split's pictures (in a preflight, of one batch) to which a classifier gives their class. */
  async top1(classifier: Classifier): Promise<number> {
    const { recipe, spec, signal } = this.#context;
    const { batch } = recipe.evaluate;
    const pictures = { split: "validation" as const, ...(spec.preflight && { first: batch }) };
    const source = this.#data.batches({ kind: "in-order", pictures, batch, size: this.#size });
    const ahead = new ReadAhead<InOrder>(source, source.steps);
    await using state = State.of(classifier) as State<Classifier>;
    let hits = 0;
    for (let step = 0; step < source.steps; step++) {
      signal.throwIfAborted();
      const { images, labels, valid } = await ahead.take(step);
      const { logits } = await this.#step.run(state, { images }, random.key(0));
      const count = valid.data[0] as number;
      const classes = logits.shape[1] as number;
      hits += topKHits(
        (logits.data as Float32Array).subarray(0, count * classes),
        labels.data.subarray(0, count),
        classes,
        1,
      );
    }
    return hits / source.count;
  }

  /** Frees the compiled program. */
  dispose(): void {
    this.#step.dispose();
  }
}

import { type Division, partCount, partPlaces } from "@peco/data";
import {
  countFlops,
  type Host,
  type HostArray,
  type JitOptions,
  type Jitted,
  jit,
  type Key,
  leafShape,
  type Metrics,
  mapTree,
  programOf,
  State,
  type Step,
  type Tree,
  tf,
  type Value,
  zipTrees,
} from "tfjs-libtensorflow";
import type { Hyper, StepBatch, StepMetrics } from "./step-batch.ts";

/** What the pictures of a batch, or of a part of it, give towards a step. */
export type Contribution<M, N> = {
  /** How much its means count beside those of other parts: 1, or how many things they are means over. */
  readonly weight: tf.Scalar;
  /** A tree of float32 that is averaged over the parts by `weight`: gradients, losses, accuracies. */
  readonly means: M;
  /** A tree that is added up over the parts: counts and sums. */
  readonly sums: N;
};

/**
 * A step whose batch can be computed in parts. Equal results need equal draws: both functions get the key of the whole step,
 * and what is drawn for a picture goes by its place in the whole batch (`partOf`).
 */
export interface DivisibleStep<S, M extends Tree<tf.Tensor>, N extends Tree<tf.Tensor>> {
  /** Forward and backward over some pictures of a batch. The state stays as it is. */
  contribution(state: S, batch: StepBatch, key: Key): Contribution<M, N>;
  /** The step, from what all of its batch gives. */
  update(state: S, whole: Contribution<M, N>, hyper: Hyper, key: Key): { state: S; metrics: StepMetrics };
}

/** A compiled step that the loop can run. */
export interface StepRunner<S> {
  /** Batches of the source that one step takes. */
  readonly parts: number;
  /** One step; `take` gives its parts by number, from 0. */
  run(state: State<S>, take: (part: number) => Promise<HostBatch>, at: StepValues): Promise<Metrics<StepMetrics>>;
  /** Products and convolutions of a step, operations with 2 per multiply-add; known when it has been run once. */
  flops(): number;
  /** Frees what was compiled. */
  dispose(): void;
}

/** A batch's arrays by name, on the host. */
export type HostBatch = Readonly<Record<string, HostArray>>;

/** The scheduled values and the key of one step. */
export interface StepValues {
  readonly hyper: Readonly<Record<string, number>>;
  readonly key: Key;
}

/** Which pictures of a batch of `of` a step sees; undefined where it sees all of them. For `uniformEach` and others of @peco/nn. */
export function partOf({ places }: StepBatch, of: number): { of: number; places: tf.Tensor1D } | undefined {
  return places && { of, places };
}

/** The step as one function of a whole batch. */
export function wholeStep<S, M extends Tree<tf.Tensor>, N extends Tree<tf.Tensor>>({
  contribution,
  update,
}: DivisibleStep<S, M, N>): Step<S, StepBatch, StepMetrics> {
  return (state, batch, key) => update(state, contribution(state, batch, key), batch.hyper, key);
}

/**
 * Compiles a step: as one program of the whole batch where `division` is null; else as two, one for a part, which adds what it
 * gives to accumulators, and one for the update. Memory is then that of a part, and of one more copy of the parameters.
 */
export function compileStep<S, M extends Tree<tf.Tensor>, N extends Tree<tf.Tensor>>(
  step: DivisibleStep<S, M, N>,
  { division, ...options }: JitOptions & { readonly division: Division | null },
): StepRunner<S> {
  return division === null ? runWhole(jit(wholeStep(step), options)) : new StepInParts(step, division, options);
}

/** A runner of a step that takes its batch as a whole. */
export function runWhole<S>(compiled: Jitted<S, StepBatch, StepMetrics>): StepRunner<S> {
  let flops = 0;
  return {
    parts: 1,
    async run(state, take, { hyper, key }) {
      const batch = { data: await take(0), hyper } as Host<StepBatch>;
      const metrics = await compiled.run(state, batch, key);
      if (flops === 0) flops = countFlops(compiled.program(state, batch));
      return metrics;
    },
    flops: () => flops,
    dispose: () => compiled.dispose(),
  };
}

/** The batch of the program of a part. */
type PartBatch<S> = StepBatch & { readonly state: S };
/** The batch of the program of the update. */
type WholeBatch<M, N> = { readonly whole: Contribution<M, N>; readonly hyper: Hyper };

class StepInParts<S, M extends Tree<tf.Tensor>, N extends Tree<tf.Tensor>> implements StepRunner<S> {
  readonly parts: number;
  readonly #division: Division;
  readonly #name: string;
  readonly #contribution: DivisibleStep<S, M, N>["contribution"];
  readonly #accumulate: Jitted<Contribution<M, N>, PartBatch<S>, object>;
  readonly #update: Jitted<S, WholeBatch<M, N>, StepMetrics>;
  /** Zeros in the shapes of what a part gives, known with the first one. */
  #zeros: (() => Contribution<M, N>) | undefined;
  #flops = 0;

  constructor({ contribution, update }: DivisibleStep<S, M, N>, division: Division, { name, compiler }: JitOptions) {
    this.parts = partCount(division);
    this.#division = division;
    this.#name = name;
    this.#contribution = contribution;
    this.#accumulate = jit(
      (before, { state, ...batch }: PartBatch<S>, key) => ({
        state: added(before, contribution(state, batch, key)),
        metrics: {},
      }),
      { name: `${name}, part`, compiler },
    );
    this.#update = jit((state, { whole, hyper }: WholeBatch<M, N>, key) => update(state, averaged(whole), hyper, key), {
      name: `${name}, update`,
      compiler,
    });
  }

  async run(state: State<S>, take: (part: number) => Promise<HostBatch>, { hyper, key }: StepValues) {
    const fixed = state.tensors();
    let sums: State<Contribution<M, N>> | undefined;
    let flops = 0;
    try {
      for (let part = 0; part < this.parts; part++) {
        const batch = this.#batch(fixed, await take(part), hyper, part);
        sums ??= this.#start(batch);
        await this.#accumulate.run(sums, batch, key);
        if (this.#flops === 0 && part === 0) flops += this.parts * countFlops(this.#accumulate.program(sums, batch));
      }
    } catch (error) {
      await sums?.dispose();
      throw error;
    } finally {
      // Before the update, so that the state's memory is its variables' alone.
      tf.dispose(fixed as tf.TensorContainer);
    }
    return await this.#finish(state, sums as State<Contribution<M, N>>, { hyper, key }, flops);
  }

  flops(): number {
    return this.#flops;
  }

  dispose(): void {
    this.#accumulate.dispose();
    this.#update.dispose();
  }

  #batch(state: S, data: HostBatch, hyper: StepValues["hyper"], part: number): Host<PartBatch<S>> {
    const places = partPlaces(this.#division, part);
    const at: HostArray = { dtype: "int32", shape: [places.length], data: places };
    return { state, data, hyper, places: at } as Host<PartBatch<S>>;
  }

  /** Accumulators at zero. What a part gives is known by tracing one. */
  #start(batch: Host<PartBatch<S>>): State<Contribution<M, N>> {
    this.#zeros ??= zerosLike(this.#name, this.#contribution, batch);
    const zeros = this.#zeros();
    try {
      return State.of(zeros) as State<Contribution<M, N>>;
    } finally {
      tf.dispose(zeros as tf.TensorContainer);
    }
  }

  async #finish(state: State<S>, sums: State<Contribution<M, N>>, { hyper, key }: StepValues, flops: number) {
    const whole = sums.tensors();
    try {
      await sums.dispose();
      const batch = { whole, hyper } as unknown as Host<WholeBatch<M, N>>;
      const metrics = await this.#update.run(state, batch, key);
      if (this.#flops === 0) this.#flops = flops + countFlops(this.#update.program(state, batch));
      return metrics;
    } finally {
      tf.dispose(whole as tf.TensorContainer);
    }
  }
}

function added<M, N>(before: Contribution<M, N>, { weight, means, sums }: Contribution<M, N>): Contribution<M, N> {
  const weighted = (sum: tf.Tensor, mean: tf.Tensor) => tf.add(sum, tf.mul(mean, weight));
  const plain = (sum: tf.Tensor, more: tf.Tensor) => tf.add(sum, more);
  return {
    weight: tf.add(before.weight, weight),
    means: zipTrees(weighted, before.means, means as Tree<tf.Tensor>) as M,
    sums: zipTrees(plain, before.sums, sums as Tree<tf.Tensor>) as N,
  };
}

function averaged<M, N>({ weight, means, sums }: Contribution<M, N>): Contribution<M, N> {
  const over = (sum: unknown) => tf.div(sum as tf.Tensor, weight);
  return { weight, means: mapTree<unknown, tf.Tensor>(means, over) as M, sums };
}

/** What makes zeros in the structure and shapes of a contribution. */
function zerosLike<S, M, N>(
  name: string,
  contribution: (state: S, batch: StepBatch, key: Key) => Contribution<M, N>,
  batch: Host<PartBatch<S>>,
): () => Contribution<M, N> {
  let like: unknown;
  programOf(
    `${name}, shapes`,
    (none: object, { state, ...rest }: PartBatch<S>, key) => {
      const given = contribution(state, rest, key);
      like = mapTree<unknown, Value>(given, described);
      return { state: none, metrics: {} };
    },
    {},
    mapTree<unknown, Value>(batch, described) as never,
  );
  return () => tf.tidy(() => mapTree<unknown, tf.Tensor>(like, zeros) as never);
}

/** Dtype and shape of a leaf, as a leaf. */
function described(leaf: unknown): Value {
  if (typeof leaf === "number") return leafShape("float32");
  const { dtype, shape } = leaf as tf.Tensor | HostArray;
  return leafShape(dtype as Value["dtype"], ...shape);
}

function zeros(leaf: unknown): tf.Tensor {
  const { dtype, shape } = leaf as Value;
  return tf.zeros([...shape], dtype as "float32" | "int32");
}

import type { HostArray, Step, Tree } from "tfjs-libtensorflow";

/** A tree of some case. */
// biome-ignore lint/suspicious/noExplicitAny: each case has trees of its own, which only its own step looks into
export type AnyTree = any;

/** Precision of products and convolutions. */
export type Precision = "float32" | "bfloat16";

/** A step to measure, with everything that it starts from. */
export interface Case {
  readonly name: string;
  /** Pictures that a step consumes; null where it consumes none. */
  readonly images: number | null;
  /** What a peer has to know beside weights and batch. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The state before the first step, equal on every call, as tensors that the caller frees. */
  state(): AnyTree;
  /** The batch, equal on every call. */
  batch(): Tree<HostArray | number>;
  /** Tensors that the step holds fixed, such as a trained network: peers need them, too. */
  readonly frozen: AnyTree;
  step(precision: Precision): Step<AnyTree, AnyTree, AnyTree>;
}

/** Numbers in [0, 1) that are the same in every run (Lehmer's generator; quality does not matter here). */
export function uniforms(): () => number {
  let state = 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

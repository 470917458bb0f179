import { type Compiler, type Host, jit, type Metrics, random, State } from "tfjs-libtensorflow";

/** A compiled function of a batch over networks that are only asked; freed by `await using`. */
export interface FrozenStep<B, M> extends AsyncDisposable {
  /** What it computes for a batch, on the host. */
  run(batch: Host<B>): Promise<Metrics<M>>;
}

/**
 * Compiles a function that draws nothing. Tensors that it captures, such as a network's weights, become fixed inputs.
 * @param runtime that of a recipe
 * @param name for logs and errors
 */
export function frozenStep<B, M>(
  runtime: { readonly compiler: Compiler },
  name: string,
  compute: (batch: B) => M,
): FrozenStep<B, M> {
  const step = jit((state: null, batch: B) => ({ state, metrics: compute(batch) }), {
    name,
    compiler: runtime.compiler,
  });
  const state = State.of(null);
  return {
    run: (batch) => step.run(state, batch, random.key(0)),
    [Symbol.asyncDispose]: async () => {
      step.dispose();
      await state.dispose();
    },
  };
}

import { autocast, encodeSafetensors, type HostArray, jit, random, State, type Step, tf } from "tfjs-libtensorflow";
import { type Case, trainer } from "./cases.ts";
import { Peer } from "./peer.ts";

/** Somebody who runs steps of a case. */
export interface Competitor extends AsyncDisposable {
  /** `peco/graph-bf16`, `pytorch/eager-f32`, `jax/f32`. */
  readonly variant: string;
  /** What it chose for itself, such as the kind of attention; empty when nothing. */
  readonly choice: string;
  /** Milliseconds of each of so many steps, and the last loss. */
  run(steps: number): Promise<{ ms: number[]; loss: number }>;
}

/** Our own variants. */
export const ownVariants = ["eager-f32", "graph-f32", "graph-bf16", "xla-f32", "xla-bf16"] as const;

// biome-ignore lint/suspicious/noExplicitAny: a case's state is a tree of its own
type AnyStep = Step<any, any, any>;

/** One of our variants of a case, with its state at the start. */
export function own(variant: (typeof ownVariants)[number], which: Case): Competitor {
  const { state: first, step } = trainer(which);
  const batch = which.batch();
  if (variant === "eager-f32") return eager(first, batch, step);
  const [compiler, precision] = variant.split("-") as ["graph" | "xla", string];
  const cast: AnyStep = (s, b, key) => autocast("bfloat16", () => step(s, b, key));
  const compiled = jit(precision === "bf16" ? cast : step, { name: `${which.name} ${variant}`, compiler });
  const state = State.of(first);
  tf.dispose(first as tf.TensorContainer);
  return {
    variant: `peco/${variant}`,
    choice: "",
    run: (steps) =>
      timed(steps, async () => {
        const metrics = (await compiled.run(state, batch, random.key(1n))) as { loss: number };
        return metrics.loss;
      }),
    async [Symbol.asyncDispose]() {
      await state.dispose();
      compiled.dispose();
    },
  };
}

function eager(first: { params: unknown; slots: unknown }, batch: Record<string, HostArray>, step: AnyStep): Competitor {
  let state = first;
  const tensors = Object.fromEntries(Object.entries(batch).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape], data instanceof Float32Array ? "float32" : "int32")]));
  return {
    variant: "peco/eager-f32",
    choice: "",
    run: (steps) =>
      timed(steps, async () => {
        const before = state as tf.TensorContainer;
        const after = tf.tidy(() => step(state, tensors, random.key(1n)) as unknown as tf.TensorContainer) as unknown as {
          state: typeof state;
          metrics: { loss: tf.Scalar };
        };
        const loss = (await after.metrics.loss.data())[0] ?? Number.NaN;
        tf.dispose([before, after.metrics.loss]);
        state = after.state;
        return loss;
      }),
    async [Symbol.asyncDispose]() {
      tf.dispose([state as tf.TensorContainer, tensors]);
    },
  };
}

async function timed(steps: number, one: () => Promise<number>): Promise<{ ms: number[]; loss: number }> {
  const ms: number[] = [];
  let loss = Number.NaN;
  for (let i = 0; i < steps; i++) {
    const before = performance.now();
    loss = await one();
    ms.push(performance.now() - before);
  }
  return { ms, loss };
}

/** The file from which a peer takes weights, batch and configuration: the same numbers as ours. */
export async function weightsFile(which: Case): Promise<Uint8Array> {
  const params = which.params();
  await using state = State.of({ params });
  tf.dispose(params as tf.TensorContainer);
  const batch = Object.fromEntries(Object.entries(which.batch()).map(([name, array]) => [`batch.${name}`, array]));
  return encodeSafetensors({ ...(await state.snapshot()), ...batch }, { config: JSON.stringify(which.config) });
}

/** All variants of the peers that are installed, compiling ones last since they take longest to be ready. */
export async function startPeers(options: { python: string; frameworks: readonly string[]; case: string; weights: string; threads: number; log: (text: string) => void }): Promise<Peer[]> {
  const wanted = [
    ...(options.frameworks.includes("torch") ? ["eager-f32", "eager-bf16", "compiled-f32", "compiled-bf16"].map((v) => ["torch_peer", v] as const) : []),
    ...(options.frameworks.includes("jax") ? ["f32", "bf16"].map((v) => ["jax_peer", v] as const) : []),
  ];
  const peers: Peer[] = [];
  for (const [program, variant] of wanted) {
    options.log(`${options.case}: starting ${program.replace("_peer", "")} ${variant}`);
    try {
      peers.push(await Peer.start({ ...options, program, variant }));
    } catch (error) {
      options.log(`${options.case}: left out: ${(error as Error).message}`);
    }
  }
  return peers;
}

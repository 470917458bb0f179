import { type Compiler, jit, random, State, tf } from "tfjs-libtensorflow";
import { fastestMs } from "./fastest-ms.ts";

const compilers: readonly Compiler[] = ["graph", "xla"];
const leastBytes = 1 << 20;
const mostBytes = 1 << 28;

/** Milliseconds that a program takes which does nothing, by the faster compiler. */
export async function emptyCallMs(): Promise<number> {
  return Math.min(await addMs(1, "graph"), await addMs(1, "xla"));
}

/**
 * Bytes a millisecond of an addition of two vectors into a third, by the faster compiler. The three are as large together as the bytes that
 * a step moves, so that a step which stays in the caches is measured by them.
 */
export async function bytesPerMs(bytes: number, callMs: number): Promise<number> {
  const length = Math.round(Math.max(leastBytes, Math.min(mostBytes, bytes)) / 12);
  const rates: number[] = [];
  for (const compiler of compilers)
    rates.push((12 * length) / Math.max(1e-3, (await addMs(length, compiler)) - callMs));
  return Math.max(...rates);
}

async function addMs(length: number, compiler: Compiler): Promise<number> {
  type Sum = { a: tf.Tensor; b: tf.Tensor; sum: tf.Tensor };
  const add = ({ a, b }: Sum) => ({ state: { a, b, sum: tf.add(a, b) }, metrics: {} });
  const first = { a: tf.ones([length]), b: tf.ones([length]), sum: tf.zeros([length]) };
  await using state = State.of<Sum>(first);
  tf.dispose(first);
  const compiled = jit(add, { name: "bandwidth", compiler });
  const ms = await fastestMs(async () => {
    const before = compiled.stats.insideMs;
    await compiled.run(state, {}, random.key(1n));
    return compiled.stats.insideMs - before;
  });
  compiled.dispose();
  return ms;
}

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countFlops, jit, type Program } from "tfjs-libtensorflow";
import type { AnyTree, Case, Precision } from "./case.ts";
import { type Competitor, type OwnVariant, own, startingState, weightsFile } from "./competitor.ts";
import { type Framework, startPeers } from "./peer.ts";
import { type Results, rounds } from "./rounds.ts";
import { spread } from "./spread.ts";

/** One variant of one case, measured. */
export interface Measured {
  readonly case: string;
  readonly variant: string;
  /** Median over rounds of the round's median step. */
  readonly msPerStep: number;
  /** Pictures that a step consumes over that time; absent where it consumes none. */
  readonly imagesPerSecond?: number;
  /** Products and convolutions, 2 per multiply-add, of the traced step, over that time. */
  readonly gflops: number;
  /** After 20 steps from the same weights and batch. */
  readonly lossAfter20: number;
  /** Share of the time spent outside of TensorFlow; only of our compiled variants. */
  readonly outsideShare?: number;
  /** What a peer chose for itself. */
  readonly choice?: string;
}

/** What is to be measured. */
export interface BenchOptions {
  readonly threads: number;
  readonly rounds: number;
  /** Names of cases; null: all. */
  readonly only: readonly string[] | null;
  readonly peers: boolean;
  readonly python: string;
  readonly log: (text: string) => void;
}

/** Who takes part in a case. */
export interface Field {
  readonly ours: readonly OwnVariant[];
  readonly frameworks: readonly Framework[];
  /** The peers' program for a framework, such as `torch_peer`. */
  readonly program: (framework: Framework) => string;
}

/** Measures one case: all variants in interleaved rounds. `missing` names those that could not be started, with the reason. */
export async function measureCase(which: Case, field: Field, options: BenchOptions) {
  const folder = await mkdtemp(join(tmpdir(), "bench-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true }));
  const competitors: Competitor[] = field.ours.map((variant) => stack.use(own(variant, which)));
  const missing: string[] = [];
  if (field.frameworks.length > 0) {
    const weights = join(folder, "case.safetensors");
    await writeFile(weights, await weightsFile(which));
    const started = await startPeers({ ...options, ...field, case: which.name, weights });
    competitors.push(...started.peers.map((peer) => stack.use(peer)));
    missing.push(...started.missing);
  }
  const results = await rounds(which.name, competitors, options);
  for (const [variant, { failed }] of results)
    if (failed !== undefined) missing.push(`${which.name} ${variant}: ${failed}`);
  return { rows: rowsOf(which, await gflopOf(which), competitors, results), results, missing };
}

function rowsOf(which: Case, gflop: number, competitors: readonly Competitor[], results: Results): Measured[] {
  return competitors.flatMap(({ variant, choice }) => {
    const result = results.get(variant);
    if (result === undefined || result.failed !== undefined) return [];
    const msPerStep = spread(result.ms).median;
    return {
      case: which.name,
      variant,
      msPerStep,
      ...(which.images !== null && { imagesPerSecond: (which.images / msPerStep) * 1e3 }),
      gflops: (gflop / msPerStep) * 1e3,
      lossAfter20: result.lossAfter20,
      ...(result.outsideShares.length > 0 && { outsideShare: spread(result.outsideShares).median }),
      ...(choice !== "" && { choice }),
    };
  });
}

async function gflopOf(which: Case): Promise<number> {
  return countFlops(await programOf(which, "float32")) / 1e9;
}

/** The step of a case as a program. */
export async function programOf(which: Case, precision: Precision): Promise<Program> {
  await using state = startingState(which);
  const compiled = jit(which.step(precision), { name: which.name, compiler: "graph" });
  const program = compiled.program(state, which.batch() as AnyTree);
  compiled.dispose();
  return program;
}

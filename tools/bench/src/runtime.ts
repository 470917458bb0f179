import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configure, countFlops, jit, State, tf } from "tfjs-libtensorflow";
import { type Case, cases, trainer } from "./cases.ts";
import { type Competitor, own, ownVariants, startPeers, weightsFile } from "./competitor.ts";
import { installedPeers } from "./peer.ts";
import { type Spread, spread } from "./spread.ts";

/** One variant of one case, measured. */
export interface Measured {
  case: string;
  variant: string;
  /** Median over rounds of the round's median step. */
  msPerStep: number;
  /** Products and convolutions, 2 per multiply-add, of the traced step, over that time. */
  gflops: number;
  /** After 20 steps from the same weights and batch. */
  lossAfter20: number;
  /** Time of peco/eager-f32 over this one's, round by round; absent for itself. */
  againstEager?: Spread;
  choice?: string;
}

/** Our best variant against the best peer of a case. */
export interface AgainstPeers {
  case: string;
  ours: string;
  peer: string;
  /** The peer's time over ours, round by round: above 1 we are faster. */
  ratio: Spread;
}

/** What is to be measured. */
export interface RuntimeBenchOptions {
  threads: number;
  rounds: number;
  only: readonly string[] | null;
  peers: boolean;
  python: string;
  log: (text: string) => void;
}

/** Measures the cases in interleaved rounds: each variant runs some steps in each round, so that a slow minute meets all alike. */
export async function benchRuntime(options: RuntimeBenchOptions): Promise<{ cases: Measured[]; againstPeers: AgainstPeers[]; missing: string[] }> {
  configure({ intraOpThreads: options.threads, interOpThreads: options.threads });
  const frameworks = options.peers ? installedPeers(options.python) : [];
  const missing = options.peers ? ["torch", "jax"].filter((f) => !(frameworks as string[]).includes(f)) : [];
  for (const name of missing) options.log(`${name} is not installed for ${options.python}: pip install ${name === "jax" ? "'jax[cpu]'" : name} safetensors numpy`);
  const measured: Measured[] = [];
  const againstPeers: AgainstPeers[] = [];
  for (const which of cases.filter(({ name }) => options.only?.includes(name) ?? true)) {
    const { rows, against } = await benchCase(which, frameworks, options);
    measured.push(...rows);
    if (against !== null) againstPeers.push(against);
  }
  return { cases: measured, againstPeers, missing };
}

async function benchCase(which: Case, frameworks: readonly string[], options: RuntimeBenchOptions) {
  const folder = await mkdtemp(join(tmpdir(), "bench-"));
  const weights = join(folder, "case.safetensors");
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true }));
  await writeFile(weights, await weightsFile(which));
  const gflop = (await flopsOf(which)) / 1e9;
  const competitors: Competitor[] = ownVariants.map((variant) => stack.use(own(variant, which)));
  if (frameworks.length > 0) {
    const peers = await startPeers({ ...options, frameworks, case: which.name, weights });
    competitors.push(...peers.map((peer) => stack.use(peer)));
  }
  const times = await rounds(which.name, competitors, options);
  const eager = times.get("peco/eager-f32")?.ms ?? [];
  const rows = competitors.map(({ variant, choice }): Measured => {
    const { ms, loss } = times.get(variant) ?? { ms: [], loss: Number.NaN };
    const msPerStep = spread(ms).median;
    return {
      case: which.name,
      variant,
      msPerStep,
      gflops: (gflop / msPerStep) * 1e3,
      lossAfter20: loss,
      ...(variant === "peco/eager-f32" ? {} : { againstEager: spread(ratios(eager, ms)) }),
      ...(choice === "" ? {} : { choice }),
    };
  });
  return { rows, against: bestAgainstBest(which.name, rows, times) };
}

/** 20 steps each (their loss is compared), then rounds of about half a second each. */
async function rounds(name: string, competitors: readonly Competitor[], { rounds, log }: RuntimeBenchOptions): Promise<Map<string, { ms: number[]; loss: number }>> {
  const results = new Map<string, { ms: number[]; loss: number; steps: number }>();
  for (const competitor of competitors) {
    const { ms, loss } = await competitor.run(20);
    log(`${name}: ${competitor.variant} ${spread(ms).median.toFixed(1)} ms a step, loss ${loss.toFixed(4)} after 20`);
    results.set(competitor.variant, { ms: [], loss, steps: Math.max(2, Math.min(20, Math.round(500 / spread(ms).median))) });
  }
  for (let round = 0; round < rounds; round++) {
    for (const competitor of competitors) {
      const result = results.get(competitor.variant);
      if (result !== undefined) result.ms.push(spread((await competitor.run(result.steps)).ms).median);
    }
    log(`${name}: round ${round + 1} of ${rounds}`);
  }
  return results;
}

function bestAgainstBest(name: string, rows: readonly Measured[], times: Map<string, { ms: number[] }>): AgainstPeers | null {
  const fastest = (some: readonly Measured[]) => [...some].sort((a, b) => a.msPerStep - b.msPerStep)[0];
  const ours = fastest(rows.filter((r) => r.variant.startsWith("peco/")));
  const peer = fastest(rows.filter((r) => !r.variant.startsWith("peco/")));
  if (ours === undefined || peer === undefined) return null;
  const of = (variant: string) => times.get(variant)?.ms ?? [];
  return { case: name, ours: ours.variant, peer: peer.variant, ratio: spread(ratios(of(peer.variant), of(ours.variant))) };
}

function ratios(numerators: readonly number[], denominators: readonly number[]): number[] {
  return numerators.map((value, round) => value / (denominators[round] ?? Number.NaN));
}

async function flopsOf(which: Case): Promise<number> {
  const { state: first, step } = trainer(which);
  await using state = State.of(first);
  tf.dispose(first as tf.TensorContainer);
  const compiled = jit(step, { name: which.name, compiler: "graph" });
  return countFlops(compiled.program(state, which.batch()));
}

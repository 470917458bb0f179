import { configure } from "tfjs-libtensorflow";
import { type AgainstPeers, againstPeers } from "./against-peers.ts";
import { ownVariants } from "./competitor.ts";
import { type Limit, limitsOf } from "./limit.ts";
import { type BenchOptions, type Measured, measureCase } from "./measure.ts";
import { installedPeers, missingPeers } from "./peer.ts";
import { type Results, ratioOf } from "./rounds.ts";
import { cases } from "./runtime-cases.ts";
import type { Spread } from "./spread.ts";

const eager = "peco/eager-f32";

/** A measured variant beside our eager one. */
export interface RuntimeMeasured extends Measured {
  /** Time of our eager float32 over this one's, round by round; absent for itself. */
  readonly againstEager?: Spread;
}

/** What `benchRuntime` gives. */
export interface RuntimeBench {
  readonly cases: RuntimeMeasured[];
  readonly againstPeers: AgainstPeers[];
  /** How fast each step could be here; measured with peers only. */
  readonly limits: Limit[];
  /** Peers and variants that could not take part. */
  readonly missing: string[];
}

/** Measures compiled steps of the runtime. */
export async function benchRuntime(options: BenchOptions): Promise<RuntimeBench> {
  configure({ intraOpThreads: options.threads, interOpThreads: options.threads });
  const frameworks = options.peers ? installedPeers(options.python, ["torch", "jax"]) : [];
  const bench: RuntimeBench = { cases: [], againstPeers: [], limits: [], missing: [] };
  if (options.peers) bench.missing.push(...missingPeers(options, frameworks, ["torch", "jax"]));
  for (const which of cases.filter(({ name }) => options.only?.includes(name) ?? true)) {
    const field = { ours: ownVariants, frameworks, program: (framework: string) => `${framework}_peer` };
    const { rows, results, missing } = await measureCase(which, field, options);
    bench.cases.push(...rows.map((row) => besideEager(row, results)));
    bench.againstPeers.push(...againstPeers(rows, results));
    if (options.peers) bench.limits.push(...(await limitsOf(which, rows, options.log)));
    bench.missing.push(...missing);
  }
  return bench;
}

function besideEager(row: Measured, results: Results): RuntimeMeasured {
  return row.variant === eager ? row : { ...row, againstEager: ratioOf(results, eager, row.variant) };
}

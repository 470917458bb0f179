import { loadRecipe } from "@peco/recipes";
import { configure } from "tfjs-libtensorflow";
import { type AgainstPeers, againstPeers } from "./against-peers.ts";
import { compiledVariants, variantOf } from "./competitor.ts";
import { type BenchOptions, type Measured, measureCase } from "./measure.ts";
import { installedPeers, missingPeers } from "./peer.ts";
import { stageCases } from "./stage-cases.ts";

/** A measured variant of a trainer's step. */
export interface StageMeasured extends Measured {
  /** Whether it has the compiler and the precision of the recipe. */
  readonly ofRecipe: boolean;
}

/** What `benchStages` gives. */
export interface StagesBench {
  readonly cases: StageMeasured[];
  readonly againstPeers: AgainstPeers[];
  /** Peers and variants that could not take part. */
  readonly missing: string[];
}

/** Measures the trainers' steps of a recipe, batches ready in memory. */
export async function benchStages(options: BenchOptions, recipeName = "small"): Promise<StagesBench> {
  configure({ intraOpThreads: options.threads, interOpThreads: options.threads });
  const { recipe } = loadRecipe(recipeName);
  const frameworks = options.peers ? installedPeers(options.python, ["torch"]) : [];
  const bench: StagesBench = { cases: [], againstPeers: [], missing: [] };
  if (options.peers) bench.missing.push(...missingPeers(options, frameworks, ["torch"]));
  const named = `peco/${variantOf(recipe.runtime)}`;
  for (const which of (await stageCases(recipe)).filter(({ name }) => options.only?.includes(name) ?? true)) {
    const field = { ours: compiledVariants, frameworks, program: (framework: string) => `${framework}_stages` };
    const { rows, results, missing } = await measureCase(which, field, options);
    bench.cases.push(...rows.map((row) => ({ ...row, ofRecipe: row.variant === named })));
    bench.againstPeers.push(...againstPeers(rows, results, named));
    bench.missing.push(...missing);
  }
  return bench;
}

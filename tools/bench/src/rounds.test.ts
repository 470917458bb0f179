import { describe, expect, it } from "vitest";
import { againstPeers } from "./against-peers.ts";
import type { Competitor } from "./competitor.ts";
import type { Measured } from "./measure.ts";
import { ratioOf, rounds } from "./rounds.ts";

/** Somebody who takes so many milliseconds for each step of a run, the next number at each run. */
function competitor(variant: string, perRun: readonly number[], calls: string[] = []): Competitor {
  let run = 0;
  return {
    variant,
    choice: "",
    run: async (steps) => {
      calls.push(`${variant} ${steps}`);
      const took = perRun[Math.min(run++, perRun.length - 1)];
      if (took === undefined) throw new Error("no kernel for this\nand more");
      return { ms: Array.from({ length: steps }, () => took), loss: run };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

const log = () => undefined;

describe("rounds", () => {
  it("take turns, after 20 steps whose last loss is kept", async () => {
    const calls: string[] = [];
    const results = await rounds("case", [competitor("a", [100], calls), competitor("b", [250], calls)], {
      rounds: 2,
      log,
    });
    expect(calls).toEqual(["a 20", "b 20", "a 5", "b 2", "a 5", "b 2"]);
    expect(results.get("a")).toEqual({ ms: [100, 100], lossAfter20: 1, outsideShares: [] });
  });

  it("go on without one that fails, and say why", async () => {
    const results = await rounds("case", [competitor("a", []), competitor("b", [50])], { rounds: 1, log });
    expect(results.get("a")?.failed).toBe("no kernel for this");
    expect(results.get("b")?.ms).toEqual([50]);
  });

  it("are compared one by one, so that a slow minute cancels out", async () => {
    const both = [competitor("slow", [20, 20, 200, 20]), competitor("fast", [10, 10, 100, 10])];
    const results = await rounds("case", both, { rounds: 3, log });
    expect(ratioOf(results, "slow", "fast")).toEqual({ median: 2, quartiles: [2, 2] });
  });
});

describe("againstPeers", () => {
  const row = (variant: string, msPerStep: number): Measured => ({
    case: "case",
    variant,
    msPerStep,
    gflops: 1,
    lossAfter20: 1,
  });
  const rows = [row("peco/graph-f32", 3), row("peco/xla-f32", 2), row("pytorch/eager-f32", 4), row("jax/f32", 5)];

  it("sets the fastest of ours, and the recipe's, against the fastest peer", async () => {
    const all = rows.map(({ variant, msPerStep }) => competitor(variant, [msPerStep]));
    const results = await rounds("case", all, { rounds: 1, log });
    expect(againstPeers(rows, results).map(({ ours, peer, ratio }) => [ours, peer, ratio.median])).toEqual([
      ["peco/xla-f32", "pytorch/eager-f32", 2],
    ]);
    const named = againstPeers(rows, results, "peco/graph-f32");
    expect(named.map(({ ours }) => ours)).toEqual(["peco/graph-f32", "peco/xla-f32"]);
  });

  it("says nothing where no peer ran", () => {
    expect(againstPeers(rows.slice(0, 2), new Map())).toEqual([]);
  });
});

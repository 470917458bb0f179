import { availableParallelism } from "node:os";
import type { BenchOptions } from "@peco/bench";
import { z } from "zod";
import type { Answer } from "../output.ts";
import { machine } from "../run/machine.ts";

const spreadDocument = z.object({ median: z.number(), quartiles: z.tuple([z.number(), z.number()]) });

const measured = z.object({
  case: z.string(),
  variant: z.string().describe("such as peco/graph-bf16, pytorch/eager-f32"),
  msPerStep: z.number(),
  gflops: z.number().describe("GFLOP/s in products and convolutions, 2 per multiply-add"),
  lossAfter20: z.number().describe("after 20 steps from the same weights and batch"),
  outsideShare: z.number().optional().describe("share of the time outside of TensorFlow; only of our compiled steps"),
  choice: z.string().optional().describe("what a peer chose for itself by measuring"),
});

const againstPeers = z.array(
  z.object({
    case: z.string(),
    ours: z.string(),
    peer: z.string().describe("the fastest of the peers"),
    ratio: spreadDocument.describe("its time over ours, round by round"),
  }),
);

const limits = z.array(
  z.object({
    case: z.string(),
    variant: z.string().describe("our fastest in a precision; the limit is that of the precision"),
    limitMs: z
      .number()
      .describe("every product at its shape's measured rate, and the bytes of the rest over the measured bandwidth"),
    productMs: z.number().describe("the part in products and convolutions"),
    restMegabytes: z.number().describe("what has to be moved between them if all else were fused"),
    gigabytesPerSecond: z.number().describe("the measured bandwidth"),
    share: z.number().describe("limitMs over msPerStep"),
  }),
);

const missing = z.array(z.string()).describe("peers and variants that could not take part");
const machineDocument = z.looseObject({ threads: z.int() });

/** The document of `peco bench runtime --json`. */
export const benchRuntimeDocument = z.object({
  machine: machineDocument,
  cases: z.array(
    measured.extend({
      againstEager: spreadDocument.optional().describe("time of our eager float32 over this one's"),
    }),
  ),
  againstPeers,
  limits: limits.describe("measured with --peers only"),
  missing,
});

/** The document of `peco bench stages --json`. */
export const benchStagesDocument = z.object({
  machine: machineDocument,
  cases: z.array(
    measured.extend({
      imagesPerSecond: z.number().optional(),
      ofRecipe: z.boolean().describe("whether it has the compiler and the precision of the recipe"),
    }),
  ),
  againstPeers,
  missing,
});

interface BenchCommandOptions {
  readonly peers?: boolean;
  readonly python?: string;
  readonly case?: string;
  readonly rounds?: number;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Measures compiled steps of the runtime, beside PyTorch and JAX with `--peers`. */
export async function benchRuntimeCommand(options: BenchCommandOptions): Promise<Answer> {
  const bench = await prepared(options);
  const result = await (await import("@peco/bench")).benchRuntime(bench);
  const rows = result.cases.map((row) =>
    line(row, row.againstEager === undefined ? "" : `${shown(row.againstEager)} x eager float32`),
  );
  return answerOf(bench, result, [...rows, ...peerLines(result.againstPeers), ...limitLines(result.limits)]);
}

/** Measures the trainers' steps of the small recipe, beside the same in PyTorch with `--peers`. */
export async function benchStagesCommand(options: BenchCommandOptions): Promise<Answer> {
  const bench = await prepared(options);
  const result = await (await import("@peco/bench")).benchStages(bench);
  const rows = result.cases.map((row) =>
    line(row, `${(row.imagesPerSecond ?? 0).toFixed(0).padStart(6)} pictures/s${row.ofRecipe ? "  the recipe's" : ""}`),
  );
  return answerOf(bench, result, [...rows, ...peerLines(result.againstPeers)]);
}

async function prepared(options: BenchCommandOptions): Promise<BenchOptions> {
  const { ensureLibrary } = await import("tfjs-libtensorflow/library");
  await ensureLibrary();
  const peers = options.peers === true;
  return {
    threads: options.threads ?? availableParallelism(),
    rounds: options.rounds ?? (peers ? 7 : 5),
    only: options.case?.split(",") ?? null,
    peers,
    python: options.python ?? "python3",
    log: (text) => process.stderr.write(`${text}\n`),
  };
}

function answerOf({ threads }: BenchOptions, result: object, lines: readonly string[]): Answer {
  return { document: { machine: { ...machine(), threads }, ...result }, text: lines.join("\n") };
}

function line(row: z.infer<typeof measured>, more: string): string {
  const time = `${row.msPerStep.toFixed(1).padStart(8)} ms  ${row.gflops.toFixed(0).padStart(5)} GFLOP/s`;
  const outside = row.outsideShare === undefined ? "" : `${(100 * row.outsideShare).toFixed(1)} % outside`;
  return `${row.case.padEnd(18)} ${row.variant.padEnd(22)} ${time}  ${outside.padEnd(14)} ${more}`.trimEnd();
}

function peerLines(against: z.infer<typeof againstPeers>): string[] {
  return against.map((a) => `${a.case.padEnd(18)} ${a.ours} against ${a.peer}: ${shown(a.ratio)} x`);
}

function limitLines(of: z.infer<typeof limits>): string[] {
  return of.map((limit) => {
    const rest = `${limit.restMegabytes.toFixed(0)} MB at ${limit.gigabytesPerSecond.toFixed(0)} GB/s`;
    const parts = `${limit.productMs.toFixed(1)} ms of products and ${rest}`;
    return `${limit.case.padEnd(18)} limit ${limit.limitMs.toFixed(1)} ms (${parts}), ${limit.variant} reaches ${(100 * limit.share).toFixed(0)} % of it`;
  });
}

function shown({ median, quartiles: [low, high] }: z.infer<typeof spreadDocument>): string {
  return `${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
}

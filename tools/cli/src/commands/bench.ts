import { availableParallelism } from "node:os";
import { z } from "zod";
import type { Answer } from "../output.ts";
import { machine } from "../run/machine.ts";

const spreadDocument = z.object({ median: z.number(), quartiles: z.tuple([z.number(), z.number()]) });

/** The document of `peco bench runtime --json`. */
export const benchRuntimeDocument = z.object({
  machine: z.looseObject({ threads: z.int() }),
  cases: z.array(
    z.object({
      case: z.string(),
      variant: z.string(),
      msPerStep: z.number(),
      gflops: z.number(),
      lossAfter20: z.number(),
      againstEager: spreadDocument.optional(),
      choice: z.string().optional(),
    }),
  ),
  againstPeers: z.array(z.object({ case: z.string(), ours: z.string(), peer: z.string(), ratio: spreadDocument })),
  missing: z.array(z.string()),
});

/** Measures compiled steps of the runtime, beside PyTorch and JAX with `--peers`. */
export async function benchRuntimeCommand(options: {
  peers?: boolean;
  python?: string;
  case?: string;
  rounds?: number;
  threads?: number;
  json?: boolean;
}): Promise<Answer> {
  const { ensureLibrary } = await import("tfjs-libtensorflow/library");
  await ensureLibrary();
  const { benchRuntime } = await import("@peco/bench");
  const threads = options.threads ?? availableParallelism();
  const result = await benchRuntime({
    threads,
    rounds: options.rounds ?? (options.peers === true ? 7 : 5),
    only: options.case?.split(",") ?? null,
    peers: options.peers === true,
    python: options.python ?? "python3",
    log: (text) => process.stderr.write(`${text}\n`),
  });
  const rows = result.cases.map(
    (c) =>
      `${c.case.padEnd(10)} ${c.variant.padEnd(22)} ${c.msPerStep.toFixed(1).padStart(8)} ms  ${c.gflops.toFixed(0).padStart(5)} GFLOP/s` +
      (c.againstEager === undefined ? "" : `  ${shown(c.againstEager)} x eager float32`),
  );
  const peers = result.againstPeers.map((a) => `${a.case.padEnd(10)} ${a.ours} against ${a.peer}: ${shown(a.ratio)} x`);
  return { document: { machine: { ...machine(), threads }, ...result }, text: [...rows, ...peers].join("\n") };
}

function shown({ median, quartiles: [low, high] }: z.infer<typeof spreadDocument>): string {
  return `${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
}

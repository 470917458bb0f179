import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Store } from "@peco/artifacts";
import { makeCard, type ReproducibilityCard } from "@peco/report";
import { z } from "zod";
import { checkout } from "../checkout.ts";
import type { Answer } from "../output.ts";
import { checkRevision, hereFor, machineRemarks, readCard } from "../reproduce/check-machine.ts";
import { compareArtifacts, stageComparison, verdict, worst } from "../reproduce/compare-cards.ts";
import { runCommand } from "../run/command.ts";
import { UsageError } from "../usage-error.ts";

/** The document of `peco reproduce --json`. */
export const reproduceDocument = z.object({
  card: z.string().describe("path of the card"),
  run: z.string().describe("the run that it is of"),
  remarks: z.array(z.string()).describe("what differs here and may change the last bits or the time"),
  again: z.string().nullable().describe("the run that repeated it; null with --check"),
  store: z.string().describe("where the repetition lies"),
  tolerance: z.number(),
  verdict: verdict.nullable().describe("the worst of all stages; null with --check"),
  firstDifference: z.string().nullable().describe("the first stage that is not identical"),
  stages: z.array(stageComparison),
});
type Document = z.infer<typeof reproduceDocument>;

/** Thrown when the pictures are not those of the card. */
export class OtherPictures extends Error {
  override readonly name = "OtherPictures";
  readonly exitCode = 65;
  readonly remedy = "Give the folder that the card's run had: --data DIR.";
  readonly path: string;
  constructor(path: string, seed: string) {
    super(`the pictures of ${path} (seed ${seed}) are not those of the card: their packed contents have another hash`);
    this.path = path;
  }
}

/** The words of `peco reproduce`. */
export interface ReproduceOptions {
  card: string;
  data?: string;
  store?: string;
  tolerance: number;
  otherRevision?: boolean;
  check?: boolean;
  json?: boolean;
}

/**
 * Repeats a run by its card: checks code, versions and pictures, runs it in a store of its own (so that nothing is found finished that
 * the first run made), and compares what every stage made.
 */
export async function reproduceCommand(options: ReproduceOptions): Promise<Answer> {
  const path = resolve(options.card);
  const card = readCard(path);
  if (options.otherRevision !== true) checkRevision(card);
  const remarks = machineRemarks(card, hereFor(card));
  const store = options.store === undefined ? join(checkout, "reproductions", card.run) : resolve(options.store);
  const words = wordsOf(card, options, store);
  const common = { card: path, run: card.run, remarks, store, tolerance: options.tolerance };
  if (options.check === true)
    return answerOf({ ...common, again: null, verdict: null, firstDifference: null, stages: [] });
  for (const remark of remarks) process.stderr.write(`${remark}\n`);

  await runCommand({ ...words, until: "data" });
  const opened = await Store.open(store);
  await checkPictures(opened, card);
  const last = card.experiment.artifacts.at(-1)?.stage;
  const { document } = await runCommand(last === undefined ? words : { ...words, until: last });
  const again = await makeCard(opened, (document as { run: string }).run);
  const stages = compareArtifacts(card.experiment.artifacts, again.experiment.artifacts, options.tolerance);
  const first = stages.find((stage) => stage.verdict !== "identical");
  return answerOf({
    ...common,
    again: again.run,
    verdict: worst(stages),
    firstDifference: first === undefined ? null : `${first.stage}, seed ${first.seed}`,
    stages,
  });
}

/** The words of `peco run` that repeat a card; its recipe is written down whole, since a named one may have changed. */
function wordsOf(card: ReproducibilityCard, { data }: ReproduceOptions, store: string) {
  const { source } = card.data;
  if (source === "generated" && data !== undefined)
    throw new UsageError("the card's run made its pictures itself: --data has no place here");
  mkdirSync(dirname(store), { recursive: true });
  const recipe = `${store}.yaml`;
  writeFileSync(recipe, `${JSON.stringify(card.experiment.resolved, null, 2)}\n`);
  return {
    recipe,
    store,
    seeds: card.experiment.seeds.map(BigInt),
    ...(source === "generated" ? {} : { data: data ?? source }),
  };
}

async function checkPictures(store: Store, card: ReproducibilityCard): Promise<void> {
  const run = await store.runs.read(await store.runs.resolve("last"));
  for (const { name, seed, artifact } of run.stages) {
    const wanted = card.data.artifacts[seed];
    if (name === "data" && artifact !== wanted) throw new OtherPictures(card.data.source, seed);
  }
}

function answerOf(document: Document): Answer {
  return { document, text: textOf(document), exitCode: document.verdict === "different" ? 76 : 0 };
}

function textOf({ run, remarks, verdict: found, stages, firstDifference, again, store }: Document): string {
  if (found === null) {
    const said = remarks.length === 0 ? ["nothing differs that could change a result"] : remarks;
    return [`run ${run} can be repeated here:`, ...said.map((line) => `  ${line}`)].join("\n");
  }
  const rows = stages.map(({ stage, seed, verdict: each, largest }) => {
    const far = largest === null ? "" : `, ${largest.figure} by ${Number((100 * largest.relative).toPrecision(2))} %`;
    return `  ${stage.padEnd(22)}seed ${seed}  ${each}${far}`;
  });
  const where = firstDifference === null ? "" : `; the first difference is in ${firstDifference}`;
  return [...rows, `${found}${where}`, `run ${again} in ${store}`].join("\n");
}

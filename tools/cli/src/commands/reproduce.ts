import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { RunRecord } from "@peco/artifacts";
import { makeCard, type ReproducibilityCard } from "@peco/report";
import { z } from "zod";
import { checkout } from "../checkout.ts";
import type { Answer } from "../output.ts";
import { checkInputs, checkSets, uncheckedRemarks } from "../reproduce/check-inputs.ts";
import { checkRevision, hereFor, machineRemarks, readCard } from "../reproduce/check-machine.ts";
import { compareArtifacts, stageComparison, verdict, worst } from "../reproduce/compare-cards.ts";
import { bringGiven, findGiven, type Given } from "../reproduce/given.ts";
import { closeOwnStore, findOwnStore, openOwnStore } from "../reproduce/own-store.ts";
import { runExperiment, showReading } from "../run/command.ts";
import { Display } from "../run/display.ts";
import { type Experiment, experiment } from "../run/experiment.ts";
import { UsageError } from "../usage-error.ts";

/** The document of `peco reproduce --json`. */
export const reproduceDocument = z.object({
  card: z.string().describe("path of the card"),
  run: z.string().describe("the run that it is of"),
  remarks: z.array(z.string()).describe("what differs here and may change the last bits or the time"),
  checked: z
    .array(z.string())
    .describe("what the card's run took from outside and was found here, the same by its hash"),
  again: z.string().nullable().describe("the run that repeated it; null with --check"),
  store: z.string().describe("where the repetition lies, or with --check would"),
  ran: z.int().describe("stages that this call carried out; 0 with --check"),
  resumed: z.int().describe("stages that an interrupted call had carried out for the same repetition"),
  tolerance: z.number(),
  verdict: verdict.nullable().describe("the worst of all stages; null with --check"),
  firstDifference: z.string().nullable().describe("the first stage that is not identical"),
  stages: z.array(stageComparison),
});
type Document = z.infer<typeof reproduceDocument>;

/** The words of `peco reproduce`. */
export interface ReproduceOptions {
  card: string;
  data?: string;
  set?: string[];
  store?: string;
  tolerance: number;
  otherRevision?: boolean;
  check?: boolean;
  json?: boolean;
}

/**
 * Repeats a run by its card: checks code, versions, pictures and files of weights, carries out all stages in a store of its own (so that nothing is found
 * finished that another run made), and compares what every stage made. An interrupted repetition goes on where it stopped.
 */
export async function reproduceCommand(options: ReproduceOptions): Promise<Answer> {
  const path = resolve(options.card);
  const card = readCard(path);
  if (options.otherRevision !== true) checkRevision(card);
  const remarks = [...uncheckedRemarks(card), ...machineRemarks(card, hereFor(card))];
  const asked = options.store === undefined ? null : resolve(options.store);
  const own = await findOwnStore(card, asked, join(checkout, "reproductions", card.run));
  const display = new Display();
  const what = await experimentOf(card, options, own.path, display);
  const given = await findGiven(card, path, what);
  const checked = [...checkInputs(card, what), ...foundWords(given)];
  const common = { card: path, run: card.run, remarks, checked, store: own.path, tolerance: options.tolerance };
  const nothing = { again: null, ran: 0, resumed: 0, verdict: null, firstDifference: null, stages: [] };
  if (options.check === true) return answerOf({ ...common, ...nothing });

  for (const remark of remarks) display.line(remark);
  const store = await openOwnStore(own, card);
  await store.backend.put(recipeName, new TextEncoder().encode(recipeOf(card)));
  if (given !== null) await bringGiven(given, store);
  const { document } = await runExperiment({ ...what, ...(given && { given: given.artifacts }) }, display);
  const record = await store.runs.read((document as { run: string }).run);
  const again = await makeCard(store, record.id);
  await closeOwnStore(store, card);
  const stages = compareArtifacts(card.experiment.artifacts, again.experiment.artifacts, options.tolerance);
  const first = stages.find((stage) => stage.verdict !== "identical");
  return answerOf({
    ...common,
    ...carriedOut(record),
    again: again.run,
    verdict: worst(stages),
    firstDifference: first === undefined ? null : `${first.stage}, seed ${first.seed}`,
    stages,
  });
}

/** The file in the repetition's store with the card's recipe. */
const recipeName = "recipe.yaml";

/** A card's recipe as a file. */
function recipeOf({ experiment: { resolved } }: ReproducibilityCard): string {
  return `${JSON.stringify(resolved, null, 2)}\n`;
}

/** What a card's run did, by its own recipe: a named one may have changed. */
async function experimentOf(
  card: ReproducibilityCard,
  { data, set = [] }: ReproduceOptions,
  store: string,
  display: Display,
): Promise<Experiment> {
  const { source } = card.data;
  if (source === "generated" && data !== undefined)
    throw new UsageError("the card's run made its pictures itself: --data has no place here");
  checkSets(set);
  const folder = mkdtempSync(join(tmpdir(), "peco-reproduce-"));
  try {
    const recipe = join(folder, `${card.run}.yaml`);
    writeFileSync(recipe, recipeOf(card));
    const words = { recipe, store, set, seeds: card.experiment.seeds.map(BigInt) };
    const what = await experiment(
      { ...words, ...(source === "generated" ? {} : { data: data ?? source }) },
      showReading(display),
    );
    // the record names the file that stays
    const loaded = { ...what.loaded, file: join(store, recipeName) };
    return onlyStagesOf(card, { ...what, loaded });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same without stages that the card's run did not have, be it that it stopped early. */
function onlyStagesOf(card: ReproducibilityCard, what: Experiment): Experiment {
  const names = new Set(card.experiment.artifacts.map(({ stage }) => stage));
  const stagesOf: Experiment["stagesOf"] = (recipe) => what.stagesOf(recipe).filter(({ name }) => names.has(name));
  return { ...what, stages: stagesOf(what.loaded.recipe), stagesOf };
}

function foundWords(given: Given | null): string[] {
  return [...(given?.artifacts ?? [])].map(
    ([stage, artifact]) => `given by an earlier run: ${stage} ${artifact.slice(0, 12)}, in the card's store`,
  );
}

/** How many stages a run carried out itself; what several seeds share counts once. */
function carriedOut({ stages }: RunRecord): Pick<Document, "ran" | "resumed"> {
  const all = new Set(stages.map(({ key }) => key));
  const ran = new Set(stages.filter(({ state }) => state === "ran").map(({ key }) => key));
  return { ran: ran.size, resumed: all.size - ran.size };
}

function answerOf(document: Document): Answer {
  return { document, text: textOf(document), exitCode: document.verdict === "different" ? 76 : 0 };
}

function textOf(document: Document): string {
  const { run, remarks, checked, verdict: found, stages, firstDifference, again, store, ran, resumed } = document;
  if (found === null) {
    const said = [...checked, ...(remarks.length === 0 ? ["nothing differs that could change a result"] : remarks)];
    return [`run ${run} can be repeated here:`, ...said.map((line) => `  ${line}`)].join("\n");
  }
  const rows = stages.map(({ stage, seed, verdict: each, largest }) => {
    const far = largest === null ? "" : `, ${largest.figure} by ${Number((100 * largest.relative).toPrecision(2))} %`;
    return `  ${stage.padEnd(22)}seed ${seed}  ${each}${far}`;
  });
  const where = firstDifference === null ? "" : `; the first difference is in ${firstDifference}`;
  const before = resumed === 0 ? "" : `, and ${resumed} before this repetition was interrupted`;
  return [
    ...rows,
    `${found}${where}`,
    `${ran} ${ran === 1 ? "stage was" : "stages were"} carried out now${before}: run ${again} in ${store}`,
  ].join("\n");
}

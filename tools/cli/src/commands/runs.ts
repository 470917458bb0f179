import { LeaseHeld, type RunRecord, runRecord, type Store, stateOf } from "@peco/artifacts";
import { z } from "zod";
import { openStore } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { clock } from "../run/display.ts";
import { mean, numbers } from "../run-figures.ts";
import { figure, moment, pairs, table } from "../table.ts";

export { runsCompareCommand, runsCompareDocument } from "./runs-compare.ts";

const runState = z
  .enum(["running", "done", "failed", "cancelled", "interrupted"])
  .describe("interrupted: its process ended without saying how");

const runSummary = z.object({
  run: z.string(),
  state: runState,
  created: z.iso.datetime(),
  seconds: z.number().nullable(),
  recipe: z.string(),
  data: z.string().nullable().describe("the folder of pictures; null: the generated set"),
  seeds: z.array(z.string()),
  top1: z
    .object({ pretrained: z.number().nullable(), fromScratch: z.number().nullable() })
    .describe("on the test pictures, the mean over the seeds; null: not evaluated"),
});

/** The document of `peco runs ls --json`, oldest first. */
export const runsLsDocument = z.object({
  store: z.string(),
  runs: z.array(runSummary),
  damaged: z.array(z.object({ run: z.string(), problem: z.string() })).describe("runs whose record cannot be read"),
});

/** The document of `peco runs show --json`. */
export const runsShowDocument = z.object({
  folder: z.string(),
  state: runState,
  report: z.string().nullable().describe("path of report.html, when there is one"),
  metrics: z.object({ path: z.string(), lines: z.int() }).describe("metrics.jsonl, a JSON document a line"),
  record: runRecord.describe("run.json"),
});

/** The document of `peco runs rm --json`. */
export const runsRmDocument = z.object({ removed: z.array(z.string()) });

interface Options {
  readonly store?: string;
  readonly json?: boolean;
}

/** Lists the runs of a store, oldest first. */
export async function runsLsCommand(options: Options): Promise<Answer> {
  const store = await openStore(options.store);
  const document: z.infer<typeof runsLsDocument> = { store: store.backend.locate(""), runs: [], damaged: [] };
  for (const id of await store.runs.list()) {
    try {
      const record = await store.runs.read(id);
      document.runs.push({
        run: id,
        state: await currentState(record),
        created: record.created,
        seconds: record.seconds,
        recipe: record.recipe.name,
        data: record.data,
        seeds: record.seeds,
        top1: { pretrained: evaluated(record, "top1Pretrained"), fromScratch: evaluated(record, "top1FromScratch") },
      });
    } catch (error) {
      document.damaged.push({ run: id, problem: (error as Error).message });
    }
  }
  return { document, text: lsText(document) };
}

function lsText({ runs, damaged, store }: z.infer<typeof runsLsDocument>): string {
  if (runs.length + damaged.length === 0) return `no runs in ${store} yet; ./peco run makes one`;
  const rows = runs.map((run) => [
    run.run,
    run.state,
    moment(run.created),
    { right: run.seconds === null ? "" : clock(run.seconds) },
    run.recipe,
    run.seeds.join(","),
    { right: percent(run.top1.pretrained) },
    { right: percent(run.top1.fromScratch) },
    run.data ?? "generated",
  ]);
  const lines = damaged.map(({ run, problem }) => `${run} cannot be read: ${problem}`);
  return [
    table(["run", "state", "started", "time", "recipe", "seeds", "top-1", "from scratch", "pictures"], rows),
    ...lines,
  ].join("\n");
}

/** Shows one run: its stages with their artifacts and figures. */
export async function runsShowCommand(options: Options & { run: string }): Promise<Answer> {
  const store = await openStore(options.store);
  const record = await store.runs.read(await store.runs.resolve(options.run));
  const folder = store.runs.folder(record.id);
  const report = (await store.backend.head(`runs/${record.id}/report.html`)) === null ? null : `${folder}/report.html`;
  const document: z.infer<typeof runsShowDocument> = {
    folder,
    state: await currentState(record),
    report,
    metrics: { path: `${folder}/metrics.jsonl`, lines: (await store.runs.metrics(record.id)).lines.length },
    record,
  };
  return { document, text: showText(document) };
}

function showText({ record, state, report, folder }: z.infer<typeof runsShowDocument>): string {
  const head = pairs([
    ["run", record.id],
    ["state", state],
    ["started", moment(record.created)],
    ["time", record.seconds === null ? "" : clock(record.seconds)],
    ["recipe", record.recipe.name],
    ["pictures", record.data ?? "generated"],
    ["seeds", record.seeds.join(", ")],
    ["report", report ?? "none (./peco report writes it)"],
    ["folder", folder],
  ]);
  const rows = record.stages.map((stage) => [
    stage.name,
    stage.seed,
    stage.state,
    { right: stage.seconds === null ? "" : clock(stage.seconds) },
    stage.artifact?.slice(0, 12) ?? "",
    numbers(stage.metrics)
      .map(([name, value]) => `${name} ${figure(value)}`)
      .join("  "),
  ]);
  const { failure } = record;
  const failed =
    failure === null ? [] : ["", `failed${failure.stage === null ? "" : ` in ${failure.stage}`}: ${failure.message}`];
  return [head, ...failed, "", table(["stage", "seed", "state", "time", "artifact", "figures"], rows)].join("\n");
}

/** Removes runs. What they made stays until `peco clean`. */
export async function runsRmCommand(options: Options & { runs: string[] }): Promise<Answer> {
  const store = await openStore(options.store);
  const ids: string[] = [];
  for (const name of options.runs) ids.push(await store.runs.resolve(name));
  for (const id of ids) await refuseRunning(store, id);
  for (const id of ids) await store.runs.remove(id);
  const document: z.infer<typeof runsRmDocument> = { removed: ids };
  return {
    document,
    text: `removed ${ids.join(", ")}; what only ${ids.length === 1 ? "it" : "they"} made goes with ./peco clean --unused --yes`,
  };
}

async function refuseRunning(store: Store, id: string): Promise<void> {
  const record = await store.runs.read(id).catch(() => null);
  if (record === null || (await currentState(record)) !== "running") return;
  throw new LeaseHeld(`run ${id} is still running (process ${record.process.pid})`, {
    path: store.runs.folder(id),
    remedy: "Wait until it has finished, or stop it with Ctrl-C first.",
  });
}

/** A run's state as of now: one that says it runs may have been killed. */
async function currentState(record: RunRecord): Promise<z.infer<typeof runState>> {
  if (record.state !== "running") return record.state;
  return (await stateOf(record.process)) === "gone" ? "interrupted" : "running";
}

/** A figure of the evaluation, the mean over the seeds. */
function evaluated({ stages }: RunRecord, name: string): number | null {
  const found = stages.filter((stage) => stage.name === "evaluate").map(({ metrics }) => metrics[name]);
  return mean(found.filter((value) => typeof value === "number"));
}

function percent(share: number | null): string {
  return share === null ? "" : `${(100 * share).toFixed(1)} %`;
}

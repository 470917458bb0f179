import { type Json, LeaseHeld, type RunRecord, runRecord, type Store, stateOf } from "@peco/artifacts";
import { valueDifferences } from "@peco/recipes";
import { z } from "zod";
import { openStore } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { clock } from "../run/display.ts";
import { figure, moment, pairs, table } from "../table.ts";
import { UsageError } from "../usage-error.ts";

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

const values = z.array(z.json()).describe("one a run, in the order asked; null where a run has none");

/** The document of `peco runs compare --json`. */
export const runsCompareDocument = z.object({
  runs: z.array(z.string()),
  differences: z.array(z.object({ path: z.string(), values })).describe("recipe, data and seeds where the runs differ"),
  stages: z.array(
    z.object({
      stage: z.string(),
      same: z.boolean().describe("whether all runs have the same artifacts of it"),
      artifacts: z.array(z.array(z.string())).describe("one list a run, an artifact a seed"),
    }),
  ),
  figures: z
    .array(z.object({ stage: z.string(), figure: z.string(), values: z.array(z.number().nullable()) }))
    .describe("numbers of a stage, the mean over the seeds of each run"),
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

/** Shows what differs between runs: recipe, pictures, artifacts, figures. */
export async function runsCompareCommand(options: Options & { runs: string[] }): Promise<Answer> {
  if (options.runs.length < 2)
    throw new UsageError(
      "runs compare needs at least two runs",
      "Name them, such as `./peco runs compare 20260102 last`.",
    );
  const store = await openStore(options.store);
  const records: RunRecord[] = [];
  for (const name of options.runs) records.push(await store.runs.read(await store.runs.resolve(name)));
  const document: z.infer<typeof runsCompareDocument> = {
    runs: records.map(({ id }) => id),
    differences: differencesOf(records),
    stages: stagesOf(records),
    figures: figuresOf(records),
  };
  return { document, text: compareText(document) };
}

function differencesOf(records: readonly RunRecord[]): z.infer<typeof runsCompareDocument>["differences"] {
  const described = records.map(({ recipe, data, seeds }) => ({
    recipe: recipe.resolved,
    pictures: data ?? "generated",
    seeds,
  }));
  const paths = new Map<string, Json[]>();
  for (const [i, each] of described.entries()) {
    for (const { path, before, after } of valueDifferences(described[0] as Json, each as Json)) {
      const found = paths.get(path) ?? described.map(() => before ?? null);
      found[i] = after ?? null;
      paths.set(path, found);
    }
  }
  return [...paths]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, found]) => ({ path, values: found as z.core.util.JSONType[] }));
}

function stagesOf(records: readonly RunRecord[]): z.infer<typeof runsCompareDocument>["stages"] {
  return stageNamesOf(records).map((stage) => {
    const artifacts = records.map(({ stages }) =>
      stages.flatMap(({ name, artifact }) => (name === stage && artifact !== null ? [artifact] : [])),
    );
    return {
      stage,
      same: artifacts.every((each) => each.join() === artifacts[0]?.join() && each.length > 0),
      artifacts,
    };
  });
}

function figuresOf(records: readonly RunRecord[]): z.infer<typeof runsCompareDocument>["figures"] {
  return stageNamesOf(records).flatMap((stage) => {
    const figures = records.map(({ stages }) =>
      stages.filter(({ name }) => name === stage).map(({ metrics }) => new Map(numbers(metrics))),
    );
    const all = new Set(figures.flat().flatMap((each) => [...each.keys()]));
    return [...all].map((name) => ({
      stage,
      figure: name,
      values: figures.map((seeds) => mean(seeds.flatMap((each) => each.get(name) ?? []))),
    }));
  });
}

function compareText({ runs, differences, stages, figures }: z.infer<typeof runsCompareDocument>): string {
  const shown = (value: unknown): string =>
    value === null ? "-" : typeof value === "string" ? value : JSON.stringify(value);
  const short = (artifacts: readonly string[]): string =>
    artifacts.map((digest) => digest.slice(0, 8)).join(",") || "-";
  return [
    table(
      ["differs", ...runs],
      differences.map(({ path, values }) => [path, ...values.map(shown)]),
    ),
    table(
      ["artifact", ...runs],
      stages.map(({ stage, same, artifacts }) => [same ? `${stage} (same)` : stage, ...artifacts.map(short)]),
    ),
    table(
      ["figure", ...runs],
      figures.map(({ stage, figure: name, values }) => [
        `${stage} ${name}`,
        ...values.map((value) => ({ right: value === null ? "-" : figure(value) })),
      ]),
    ),
  ].join("\n\n");
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

function stageNamesOf(records: readonly RunRecord[]): string[] {
  return [...new Set(records.flatMap(({ stages }) => stages.map(({ name }) => name)))];
}

/** The numbers among a stage's metrics, by name; those within maps as `map.name`. */
function numbers(metrics: Readonly<Record<string, unknown>>, prefix = ""): [string, number][] {
  return Object.entries(metrics).flatMap(([name, value]): [string, number][] => {
    if (typeof value === "number") return [[`${prefix}${name}`, value]];
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
    return numbers(value as Record<string, unknown>, `${prefix}${name}.`);
  });
}

function mean(found: readonly number[]): number | null {
  return found.length === 0 ? null : found.reduce((sum, value) => sum + value, 0) / found.length;
}

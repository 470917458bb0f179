import type { Json, RunRecord } from "@peco/artifacts";
import { valueDifferences } from "@peco/recipes";
import { z } from "zod";
import { openStore } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { mean, numbers } from "../run-figures.ts";
import { figure, table } from "../table.ts";
import { UsageError } from "../usage-error.ts";

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

/** Shows what differs between runs: recipe, pictures, artifacts, figures. */
export async function runsCompareCommand(options: { store?: string; runs: string[]; json?: boolean }): Promise<Answer> {
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
  const differing = figures.filter(({ values }) => new Set(values).size > 1);
  const same = figures.length - differing.length;
  return [
    differences.length === 0
      ? "Recipe, pictures and seeds are the same."
      : table(
          ["differs", ...runs],
          differences.map(({ path, values }) => [path, ...values.map(shown)]),
        ),
    table(
      ["artifact", ...runs],
      stages.map(({ stage, same, artifacts }) => [same ? `${stage} (same)` : stage, ...artifacts.map(short)]),
    ),
    ...(differing.length === 0
      ? []
      : [
          table(
            ["figure", ...runs],
            differing.map(({ stage, figure: name, values }) => [
              `${stage} ${name}`,
              ...values.map((value) => ({ right: value === null ? "-" : figure(value) })),
            ]),
          ),
        ]),
    ...(same === 0 ? [] : [`${differing.length === 0 ? "All" : "The other"} ${same} figures are the same.`]),
  ].join("\n\n");
}

function stageNamesOf(records: readonly RunRecord[]): string[] {
  return [...new Set(records.flatMap(({ stages }) => stages.map(({ name }) => name)))];
}

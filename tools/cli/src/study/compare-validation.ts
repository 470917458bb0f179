import { z } from "zod";
import type { Answer } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import { compare, type Level, level, primary } from "./compare.ts";
import { markdownTable, share, signed, spread } from "./markdown.ts";
import { readResults } from "./report.ts";
import type { StudyResults } from "./results.ts";
import { budgetName } from "./study.ts";
import { words } from "./words.ts";

/** What validation can tell of an arm, in the order of the columns. */
const figures = ["top1", "probe", "bag", "embeddings", "latents"] as const;

const measured = z
  .record(
    z.string(),
    z.object({ mean: z.number(), deviation: z.number().nullable().describe("null for one seed"), seeds: z.int() }),
  )
  .describe("top1, probe, bag, embeddings and latents on the validation pictures, as far as the arm has them");

/** The document of `peco study compare --json`. */
export const studyCompareDocument = z.object({
  studies: z.array(
    z.object({
      results: z.string().describe("the file, as it was named"),
      study: z.string(),
      recipe: z.string(),
      sets: z.array(z.string()).describe("the file's own changes of the recipe"),
      labels: z.int().nullable().describe("the first budget; null: all labels"),
      arms: z.array(z.object({ arm: z.string(), title: z.string(), seeds: z.array(z.string()), validation: measured })),
      difference: measured.describe("PeCo minus pixel tokens, seed by seed"),
    }),
  ),
});
type Document = z.infer<typeof studyCompareDocument>;
type Study = Document["studies"][number];
type Measured = Study["difference"];

/**
 * `peco study compare`: several studies side by side by their validation pictures alone. A recipe is searched for on development seeds
 * with it, and no test picture has a part in what is chosen.
 */
export async function studyCompareCommand(options: { results: string[]; json?: boolean }): Promise<Answer> {
  const studies: Study[] = [];
  for (const file of options.results) studies.push(studyOf(file, await readResults(file)));
  const document: Document = { studies };
  return { document, text: textOf(document) };
}

function studyOf(file: string, results: StudyResults): Study {
  const { recipe, study, budgets, arms, rows } = results;
  if (rows.some(({ validation }) => validation === undefined))
    throw new UsageError(
      `${file} was written before results had validation figures`,
      "`./peco study --collect` with the words and the store of that study writes it anew; nothing is trained.",
    );
  const [labels = null] = budgets;
  return {
    results: file,
    study,
    recipe: recipe.name,
    sets: recipe.sets,
    labels,
    arms: arms.flatMap(({ name: arm, title }) => {
      const seeds = rows.filter((row) => row.arm === arm && row.budget === labels).map(({ seed }) => seed);
      const validation = measure((figure) => level(results, arm, (row) => row.validation?.[figure]));
      return seeds.length === 0 ? [] : [{ arm, title, seeds, validation }];
    }),
    difference: measure((figure) => {
      const found = compare(results, { ...primary, figure }, "validation");
      return found && { ...found.result, values: found.differences };
    }),
  };
}

function measure(of: (figure: string) => Pick<Level, "values" | "mean" | "deviation"> | null): Measured {
  return Object.fromEntries(
    figures.flatMap((figure) => {
      const found = of(figure);
      if (found === null) return [];
      return [[figure, { mean: found.mean, deviation: found.deviation, seeds: found.values.length }] as const];
    }),
  );
}

function textOf({ studies }: Document): string {
  const rows = studies.flatMap(({ results, recipe, sets, labels, arms, difference }) => {
    const changes = [recipe, ...sets.map((set) => `\`${set}\``)].join(" ");
    const line = (title: string, seeds: string, of: Measured, show: typeof spread) => [
      ...[results, changes, budgetName(labels), title, seeds],
      ...figures.map((figure) => (of[figure] === undefined ? "" : show(of[figure]))),
    ];
    const pairs = difference["top1"]?.seeds ?? 0;
    return [
      ...arms.map(({ title, seeds, validation }) => line(title, seeds.join(", "), validation, spread)),
      line("PeCo − pixel tokens", pairs === 0 ? "no pairs" : `${pairs} pairs`, difference, signedSpread),
    ];
  });
  const heading = ["results", "changes", "labels", "arm", "seeds", ...figures.map(words.figure)];
  return ["Validation pictures, mean ± sample deviation over the seeds.", "", ...markdownTable(heading, rows)].join(
    "\n",
  );
}

function signedSpread({ mean, deviation }: Pick<Level, "mean" | "deviation">): string {
  return `${signed(mean)}${deviation === null ? "" : ` ± ${share(deviation)}`}`;
}

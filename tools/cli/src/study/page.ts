import { clock } from "../run/display.ts";
import { armsSection } from "./arms-section.ts";
import {
  type Comparison,
  compare,
  compareTogether,
  type Endpoint,
  exploratory,
  level,
  primary,
  secondaryOf,
} from "./compare.ts";
import { markdownTable, share, signed } from "./markdown.ts";
import type { StudyResults, StudyRow } from "./results.ts";
import { budgetName } from "./study.ts";
import { quoted, words } from "./words.ts";

/** Paths as a page sees them. */
export interface BesidePage {
  readonly results: string;
  readonly plots: readonly { readonly file: string; readonly title: string }[];
}

/** The study as a page in Markdown, computed from its results alone; what is not there yet is left out or said to lack. */
export function studyPage(results: StudyResults, beside: BesidePage): string {
  return [
    ...head(results, beside.results),
    ...primarySection(results),
    ...armsSection(results),
    ...beside.plots.flatMap(({ file, title }) => [`![${title}](${file})`, ""]),
    ...secondarySection(results),
    ...exploratorySection(results),
    ...costSection(results),
    ...words.pairing(results),
    ...provenance(results),
  ]
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .concat("\n");
}

function head(results: StudyResults, file: string): string[] {
  const { seeds, pictures } = results;
  const missing = missingRows(results);
  return [
    `# ${words.title(results)}`,
    "",
    words.madeBy(results, file),
    "",
    ...words.question(results),
    "",
    ...(pictures === null
      ? []
      : [
          `${pictures.classes.length} classes, ${pictures.test.toLocaleString("en")} test pictures (always naming the commonest class: ${commonest(pictures)}), ${pictures.validation.toLocaleString("en")} for validation; seeds ${seeds.join(", ")}.`,
          "",
        ]),
    ...(missing.length === 0 ? [] : [`**Partial:** ${missing.join("; ")}.`, ""]),
  ];
}

/** The share of the commonest class, from the least to the most where the seeds' test pictures differ. */
function commonest({ commonest, commonestOver }: NonNullable<StudyResults["pictures"]>): string {
  const [least, most] = (commonestOver ?? [commonest, commonest]).map(share);
  return least === most ? `${least}` : `${least} to ${most} over the seeds`;
}

/** What was planned and is not there, arm by arm. */
function missingRows({ arms, budgets, rows }: StudyResults): string[] {
  return arms.flatMap((arm) =>
    budgets.slice(0, arm.budgets).flatMap((budget) => {
      const there = rows.filter((row) => row.arm === arm.name && row.budget === budget).length;
      return there < arm.seeds ? [`${arm.title} at ${budgetName(budget)} has ${there} of ${arm.seeds} seeds`] : [];
    }),
  );
}

function primarySection(results: StudyResults): string[] {
  const found = compare(results, primary);
  return [
    "## Primary endpoint",
    "",
    `PeCo minus pixel tokens, top-1 at ${budgetName(results.budgets[0] ?? null)}, fixed before the test pictures were evaluated.`,
    "",
    ...(found === null
      ? ["No seed has both arms yet."]
      : [
          `**${signed(found.result.mean)}** ${interval(found.result.interval)}, exact sign-flip p ${p(found.result.signFlip)}, paired t test p ${found.result.tTest === null ? "unknown" : p(found.result.tTest)}; ${found.result.pairs} ${found.result.pairs === 1 ? "seed" : "seeds"}.`,
          "",
          `Per seed: ${found.seeds.map((seed, i) => `${seed}: ${signed(found.differences[i] as number)}`).join(", ")}.`,
        ]),
    "",
  ];
}

function secondarySection(results: StudyResults): string[] {
  const found = compareTogether(results, secondaryOf(results).filter(isPlanned(results)));
  if (found.length === 0) return [];
  const rows = found.map(({ comparison, corrected }) => [
    ...comparisonCells(results, comparison),
    p(comparison.result.signFlip),
    p(corrected),
  ]);
  return [
    "## Secondary endpoints",
    "",
    "Exact sign-flip p, corrected together by Holm.",
    "",
    ...markdownTable([...comparisonHeading, "p", "p, corrected"], rows),
    "",
  ];
}

function exploratorySection(results: StudyResults): string[] {
  const found = exploratory
    .filter(isPlanned(results))
    .map((endpoint) => compare(results, endpoint))
    .filter((comparison) => comparison !== null);
  if (found.length === 0) return [];
  return [
    "## Other contrasts",
    "",
    "Exact sign-flip p, not corrected: these describe, they do not prove.",
    "",
    ...markdownTable(
      [...comparisonHeading, "p"],
      found.map((comparison) => [...comparisonCells(results, comparison), p(comparison.result.signFlip)]),
    ),
    "",
  ];
}

function isPlanned({ budgets }: StudyResults): (endpoint: Endpoint) => boolean {
  return ({ budget }) => budget < budgets.length;
}

const comparisonHeading = ["difference", "figure", "mean", "95 % interval", "seeds", "above 0"];

function comparisonCells(results: StudyResults, comparison: Comparison): string[] {
  const { first, second, figure, budget, result, differences } = comparison;
  const title = (name: string) => results.arms.find((arm) => arm.name === name)?.title ?? name;
  const what = words.figure(figure);
  return [
    `${title(first)} − ${title(second)}`,
    figure === "top1" ? `${what}, ${budgetName(results.budgets[budget] ?? null)}` : what,
    signed(result.mean),
    result.interval === null ? "one seed" : `${signed(result.interval[0])} to ${signed(result.interval[1])}`,
    String(result.pairs),
    String(differences.filter((difference) => difference > 0).length),
  ];
}

/** What each arm costs up to its fine-tuned networks. */
function costSection(results: StudyResults): string[] {
  const stages = ["perceptual-network", "codebook", "pretrain", "finetune"];
  const gflop = (row: StudyRow, stage: string) => row.gflop[stage] ?? row.gflop[`${stage}-from-scratch`] ?? 0;
  const rows = results.arms.flatMap(({ name, title }) => {
    const before = level(results, name, (row) => stages.slice(0, 3).reduce((sum, stage) => sum + gflop(row, stage), 0));
    if (before === null) return [];
    const each = stages.map((stage) => level(results, name, (row) => gflop(row, stage))?.mean ?? 0);
    const seconds = level(results, name, (row) => Object.values(row.seconds).reduce((sum, value) => sum + value, 0));
    return [[title, ...each.map(tera), tera(before.mean), clock(seconds?.mean ?? 0)]];
  });
  if (rows.length === 0) return [];
  return [
    "## Cost",
    "",
    ...words.cost(results),
    "",
    ...markdownTable(
      ["arm", "perceptual network", "tokenizer", "masked modelling", "fine-tuning", "before fine-tuning", "time"],
      rows,
    ),
    "",
  ];
}

function provenance({ sessions, recipe, rows }: StudyResults): string[] {
  const seconds = sessions.reduce((sum, session) => sum + session.seconds, 0);
  const [last] = sessions.slice(-1);
  return [
    "## Where the figures come from",
    "",
    `Recipe \`${recipe.name}\`${quoted(recipe.sets, " with ")}.`,
    "",
    ...(last === undefined
      ? []
      : [
          ...markdownTable(
            ["begun", "time", "command", "revision"],
            sessions.map(({ started, seconds, command, revision }) => [
              started.slice(0, 16).replace("T", " "),
              clock(seconds),
              `\`${command}\``,
              revision ?? "",
            ]),
          ),
          "",
          `In all ${clock(seconds)} on ${Object.entries(last.machine)
            .map(([name, value]) => `${name} ${value}`)
            .join(", ")}; ${Object.entries(last.software)
            .map(([name, version]) => `${name} ${version}`)
            .join(", ")}.`,
          "",
        ]),
    `Every one of the ${rows.length} rows of the results names the artifacts that it was measured on: \`./peco artifacts lineage DIGEST\` shows what they were made from, and \`./peco runs ls\` the runs with their cards.`,
    "",
  ];
}

function interval(bounds: readonly [number, number] | null): string {
  return bounds === null ? "(one seed: no interval)" : `(95 % interval ${signed(bounds[0])} to ${signed(bounds[1])})`;
}

function p(value: number): string {
  return value < 0.001 ? value.toExponential(1) : value.toFixed(4).replace(/^0\./, ".");
}

function tera(gflop: number): string {
  return gflop === 0 ? "" : (gflop / 1000).toFixed(2);
}

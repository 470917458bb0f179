import { type Level, level } from "./compare.ts";
import { markdownTable, spread } from "./markdown.ts";
import { kindOf, type StudyResults } from "./results.ts";
import { budgetName } from "./study.ts";
import { quoted, words } from "./words.ts";

/** What each arm reached: its networks, its tokenizer, and what the arm is. */
export function armsSection(results: StudyResults): string[] {
  return [
    "## Arms",
    "",
    ...words.columns(results),
    "",
    ...networksTable(results),
    "",
    ...tokenizersTable(results),
    ...results.arms.map(({ title, what, sets }) => `- **${title}**: ${what}${quoted(sets, " (", ")")}.`),
    "",
  ];
}

/** A column of a table of arms. */
interface Column {
  readonly title: string;
  /** By its name in a row's figures. */
  readonly figure: string;
  /** Place of the label budget; the first, unless said otherwise. */
  readonly budget?: number;
  /** Digits behind the point; three without the zero before it, unless said otherwise. */
  readonly digits?: number;
}

function networksTable(results: StudyResults): string[] {
  const shown = networkColumns(results).filter(({ figure, budget }) =>
    results.arms.some(({ name }) => level(results, name, ({ figures }) => figures[figure], budget ?? 0) !== null),
  );
  const rows = results.arms.map(({ name, title }) => {
    const seeds = level(results, name, () => 1)?.values.length ?? 0;
    return [title, String(seeds), ...shown.map((column) => cell(results, name, column))];
  });
  return markdownTable(["arm", "seeds", ...shown.map(({ title }) => title)], rows);
}

function networkColumns(results: StudyResults): Column[] {
  const ofBudgets = results.budgets.flatMap((labels, budget): Column[] => {
    const top1 = { title: `top-1, ${budgetName(labels)}`, figure: "top1", budget };
    if (kindOf(results) === "generated") return [top1];
    return [
      top1,
      { title: `balanced, ${budgetName(labels)}`, figure: "balanced", budget },
      { title: `other style, ${budgetName(labels)}: top-1`, figure: "otherTop1", budget },
      { title: "balanced", figure: "otherBalanced", budget },
    ];
  });
  return [
    ...ofBudgets,
    { title: "linear probe", figure: "probe" },
    { title: "probe, other style", figure: "otherProbe" },
    { title: "nearest neighbours", figure: "neighbours" },
    { title: "codes: bag", figure: "bag" },
    { title: "codes: embeddings", figure: "embeddings" },
    { title: "latents", figure: "latents" },
  ];
}

const tokenizerColumns: readonly Column[] = [
  { title: "usage", figure: "usage", digits: 2 },
  { title: "perplexity", figure: "perplexity", digits: 0 },
  { title: "entropy, bits", figure: "bits", digits: 2 },
  { title: "blur against shift, tokens", figure: "tokenChoice", digits: 3 },
  { title: "masked tokens named", figure: "maskedAccuracy", digits: 3 },
];

function tokenizersTable(results: StudyResults): string[] {
  const rows = results.arms
    .map(({ name, title }) => [title, ...tokenizerColumns.map((column) => cell(results, name, column))])
    .filter(([, ...cells]) => cells.some((text) => text !== ""));
  if (rows.length === 0) return [];
  const heading = ["arm", ...tokenizerColumns.map(({ title }) => title)];
  return ["Tokenizers, on the test pictures:", "", ...markdownTable(heading, rows), ""];
}

/** An arm's mean ± sample deviation of a figure; empty where it has none. */
function cell(results: StudyResults, arm: string, { figure, budget = 0, digits }: Column): string {
  const found = level(results, arm, ({ figures }) => figures[figure], budget);
  if (found === null) return "";
  return digits === undefined ? spread(found) : plusMinus(found, digits);
}

function plusMinus({ mean, deviation }: Level, digits: number): string {
  return `${mean.toFixed(digits)}${deviation === null ? "" : ` ± ${deviation.toFixed(digits)}`}`;
}

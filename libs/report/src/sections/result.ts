import type { Arm } from "../evaluation.ts";
import { counted, percent } from "../format.ts";
import type { RunData, SeedData } from "../gather.ts";
import { type Html, html } from "../html.ts";
import { isPeCo, type ReadValue, valueReader } from "../recipe-values.ts";
import { type Spread, spreadOf } from "../spread.ts";
import { sourceLine } from "./source.ts";

/** Accuracies of one way to start, over the seeds of a run. */
export interface ArmSummary {
  name: Arm["name"];
  /** What the page calls it. */
  title: string;
  top1: Spread;
  top5: Spread;
  balanced: Spread;
  /** Each fine-tuned network's top-1, seed by seed. */
  networks: number[];
  /** The learning rates that were taken, without repetition. */
  rates: number[];
}

/** What the page calls an arm. */
const ARM_TITLES: Readonly<Record<Arm["start"], string>> = {
  pretrained: "Pre-trained",
  "perceptual-network": "The perceptual network",
  weights: "Weights from a file",
  random: "From scratch",
};

/** Sums up an arm over the seeds that have it; null when none has. With one seed the spread is that of its networks. */
export function summarizeArm(
  seeds: readonly SeedData[],
  name: ArmSummary["name"],
  recipe: object = {},
): ArmSummary | null {
  const arms = seeds.flatMap((seed) => seed.evaluation?.classification?.arms.filter((arm) => arm.name === name) ?? []);
  if (arms.length === 0) return null;
  const results = arms.length === 1 ? (arms[0]?.networks ?? []) : arms.map((arm) => arm.mean);
  const networks = arms.flatMap((arm) => arm.networks.map(({ top1 }) => top1));
  return {
    name,
    title: titleOf(arms[0]?.start ?? "random", recipe),
    top1: spreadOf(results.map((result) => result.top1)),
    top5: spreadOf(results.map((result) => result.top5)),
    balanced: spreadOf(results.map((result) => result.balanced)),
    networks,
    rates: [...new Set(arms.map((arm) => arm.lr))],
  };
}

/** What the page calls an arm of fine-tuning; PeCo only what is PeCo by the run's recipe. */
export function titleOf(start: Arm["start"], recipe: object): string {
  return `${ARM_TITLES[start]}${start === "pretrained" && isPeCo(valueReader(recipe)) ? " with PeCo" : ""}`;
}

/** Mean over seeds of the accuracy that the commonest class alone would give. */
export function chanceOf(seeds: readonly SeedData[]): number {
  const levels = seeds.flatMap((seed) => seed.evaluation?.classification?.chance.commonest ?? []);
  return spreadOf(levels).mean;
}

/** Standard error of an arm's mean top-1: what its spread or the number of test pictures leaves open, whichever is more. */
function uncertainty({ top1 }: ArmSummary, pictures: number): number {
  return Math.max((top1.deviation ?? 0) / Math.sqrt(top1.count), binomialError(top1.mean, pictures));
}

/** With Agresti and Coull's two successes and two failures more, so that 3 right of 3 are not taken for certainty. */
function binomialError(share: number, pictures: number): number {
  const adjusted = (share * pictures + 2) / (pictures + 4);
  return Math.sqrt((adjusted * (1 - adjusted)) / (pictures + 4));
}

function testPictures(seeds: readonly SeedData[]): number {
  return seeds.find((seed) => seed.evaluation !== null)?.evaluation?.pictures ?? 0;
}

/** The page's first sentence: what came out. A difference is named when it is twice as large as its standard error. */
export function headline({ run, seeds }: RunData): string {
  const pretrained = summarizeArm(seeds, "pretrained");
  const scratch = summarizeArm(seeds, "from-scratch");
  if (pretrained !== null && scratch !== null) {
    const pictures = testPictures(seeds);
    const errors = [uncertainty(pretrained, pictures), uncertainty(scratch, pictures)] as const;
    const best = Math.max(pretrained.top1.mean - 2 * errors[0], scratch.top1.mean - 2 * errors[1]);
    if (best < chanceOf(seeds)) return "Neither network does clearly better than chance";
    const gain = pretrained.top1.mean - scratch.top1.mean;
    const from = `from ${percent(scratch.top1.mean)} to ${percent(pretrained.top1.mean)}`;
    if (Math.abs(gain) < 2 * Math.hypot(...errors))
      return `Pre-training made no clear difference: top\u20111 went ${from}`;
    return gain > 0
      ? `Pre-training raises top\u20111 accuracy ${from}`
      : `Pre-training did not help: top\u20111 fell ${from}`;
  }
  if (pretrained !== null) return `The pre-trained network reaches ${percent(pretrained.top1.mean)} top\u20111`;
  const codebook = seeds.find((seed) => seed.evaluation !== null)?.evaluation?.codebook;
  if (codebook !== null && codebook !== undefined)
    return `A vocabulary of ${codebook.size} visual tokens, of which the test pictures use ${codebook.usage === 1 ? "all" : percent(codebook.usage)}`;
  if (run.state === "done") return "The stages that were asked for are done";
  return {
    running: "This run is still under way",
    failed: "This run stopped with an error",
    cancelled: "This run was cancelled",
  }[run.state];
}

/** Bars of top-1 for both arms with chance level and every network as a dot, or a word on why there are none. */
export function resultSection({ run, seeds }: RunData): Html | null {
  const arms = (["pretrained", "from-scratch"] as const).flatMap(
    (name) => summarizeArm(seeds, name, run.recipe.resolved) ?? [],
  );
  if (arms.length === 0) {
    const reason = seeds.find((seed) => seed.evaluation !== null)?.evaluation?.withoutClasses;
    return reason === null || reason === undefined
      ? null
      : html`<section id="result" aria-label="Result"><p class="lead">${reason}</p></section>`;
  }
  const chance = chanceOf(seeds);
  const top = Math.min(1, 1.12 * Math.max(chance, ...arms.flatMap((arm) => [...arm.networks, arm.top1.mean])));
  const across = (share: number) => `${((100 * share) / top).toFixed(2)}%`;
  return html`<section id="result" aria-labelledby="result-title">
    <h2 id="result-title" class="unseen">Result</h2>
    <div class="bars">
      ${arms.map(
        (arm) => html`<div class="bar ${arm.name}">
          <div class="bar-name">${arm.title}</div>
          <div class="bar-track">
            <div class="bar-fill" style="width:${across(arm.top1.mean)}"></div>
            ${arm.networks.map((top1) => html`<i style="left:${across(top1)}" title="one network: ${percent(top1)}"></i>`)}
            <b style="left:${across(chance)}"></b>
          </div>
          <div class="bar-value">${percent(arm.top1.mean)} ${plusMinus(arm.top1)}</div>
        </div>`,
      )}
    </div>
    <p class="note">${noteWords(seeds, arms, chance)}</p>
    ${table(run, seeds, arms, chance)}
    ${sourceLine(seeds, "evaluate")}
  </section>`;
}

function noteWords(seeds: readonly SeedData[], arms: readonly ArmSummary[], chance: number): string {
  const pictures = testPictures(seeds);
  const [first] = arms as [ArmSummary];
  const over =
    seeds.length > 1 ? `over ${seeds.length} seeds` : `over the ${first.networks.length} networks of this seed`;
  return [
    `Top-1 on ${counted(pictures, "test picture")} that no stage has trained on.`,
    `The upright line is chance, ${percent(chance)} (always naming the commonest class); each dot is one fine-tuned network.`,
    first.top1.deviation === null
      ? "There is one network of each, so no spread."
      : `± is the sample deviation ${over}.`,
    `The number of test pictures alone leaves each figure uncertain by ±\u00a0${percent(binomialError(first.top1.mean, pictures))}.`,
  ].join(" ");
}

/** `± 1.2 %`, or nothing when there is one value only. */
export function plusMinus({ deviation }: Spread): Html | null {
  return deviation === null ? null : html`<span class="spread">±\u00a0${(100 * deviation).toFixed(1)}</span>`;
}

function table(
  { recipe: { resolved } }: RunData["run"],
  seeds: readonly SeedData[],
  arms: readonly ArmSummary[],
  chance: number,
): Html {
  const first = seeds.find((seed) => seed.evaluation?.classification)?.evaluation?.classification;
  const each = (spread: Spread) => html`${percent(spread.mean)} ${plusMinus(spread)}`;
  const under = html`<small>chance ${percent(chance)}</small>`;
  return html`<table class="final">
    <caption>${first === null || first === undefined ? "" : html`Fine-tuning on ${counted(first.labels.train, "labelled picture")}${arms.length > 1 ? budgetWords(valueReader(resolved)) : ""}; the learning rate that is best on ${counted(first.labels.validation, "validation picture")} is taken.`}</caption>
    <thead><tr><th scope="col">Network</th><th scope="col">Top-1</th><th scope="col">Top-5</th><th scope="col">Balanced</th></tr></thead>
    <tbody>
      ${arms.map(
        (
          arm,
        ) => html`<tr class="${arm.name}"><th scope="row">${arm.title}<small>fine-tuned, lr ${arm.rates.join(" or ")}</small></th>
          <td>${each(arm.top1)}${under}</td><td>${each(arm.top5)}</td><td>${each(arm.balanced)}</td></tr>
        ${averageRow(seeds, arm)}`,
      )}
    </tbody>
  </table>
  ${networkTable(seeds, resolved)}${seeds.length > 1 ? seedTable(seeds) : null}`;
}

function budgetWords(v: ReadValue): string {
  const [steps, scratch] = [v("finetune.steps"), v("finetune.fromScratchSteps")];
  return ["null", "?", steps].includes(scratch)
    ? ", the same budget for both"
    : `, ${steps} steps, and ${scratch} from scratch`;
}

/** The moving averages of an arm's weights, where its networks have one. */
function averageRow(seeds: readonly SeedData[], { name, title }: ArmSummary): Html | null {
  const found = seeds.flatMap((seed) => seed.evaluation?.classification?.arms.filter((arm) => arm.name === name) ?? []);
  const means = found.flatMap(({ averageMean }) => averageMean ?? []);
  if (means.length === 0) return null;
  const each = (figure: "top1" | "top5" | "balanced") => {
    const spread = spreadOf(means.map((one) => one[figure]));
    return html`<td>${percent(spread.mean)} ${plusMinus(spread)}</td>`;
  };
  return html`<tr><th scope="row">${title}<small>moving average of the weights</small></th>${each("top1")}${each("top5")}${each("balanced")}</tr>`;
}

/** Each network's last and best validation beside what it reaches on test after its last step. */
function networkTable(seeds: readonly SeedData[], recipe: object): Html | null {
  const rows = seeds.flatMap((seed) =>
    (seed.evaluation?.classification?.arms ?? []).flatMap((arm) =>
      arm.networks.map((network, i) => ({
        ...network,
        seed: seed.seed,
        title: titleOf(arm.start, recipe),
        number: i + 1,
      })),
    ),
  );
  if (rows.length === 0) return null;
  return html`<details><summary>Each network by itself</summary><table>
    <thead><tr><th scope="col">Network</th><th scope="col">Validation, last</th><th scope="col">best, at step</th><th scope="col">Test, last</th></tr></thead>
    <tbody>${rows.map(
      ({
        seed,
        title,
        number: which,
        validation,
        best,
        top1,
      }) => html`<tr><th scope="row">${title} ${which}${seeds.length > 1 ? `, seed ${seed}` : ""}</th>
        <td>${percent(validation)}</td><td>${percent(best.validation)}<small>${best.step}</small></td><td>${percent(top1)}</td></tr>`,
    )}</tbody></table></details>`;
}

function seedTable(seeds: readonly SeedData[]): Html {
  const rows = seeds.map((seed) => {
    const top1 = (name: string) => seed.evaluation?.classification?.arms.find((arm) => arm.name === name)?.mean.top1;
    return { seed: seed.seed, pretrained: top1("pretrained"), scratch: top1("from-scratch") };
  });
  const cell = (value: number | undefined) => (value === undefined ? "–" : percent(value));
  return html`<details><summary>Each seed by itself</summary><table>
    <thead><tr><th scope="col">Seed</th><th scope="col">Pre-trained</th><th scope="col">From scratch</th><th scope="col">Difference</th></tr></thead>
    <tbody>${rows.map(
      ({
        seed,
        pretrained,
        scratch,
      }) => html`<tr><th scope="row">${seed}</th><td>${cell(pretrained)}</td><td>${cell(scratch)}</td>
        <td>${pretrained === undefined || scratch === undefined ? "–" : `${pretrained >= scratch ? "+" : "−"}${percent(Math.abs(pretrained - scratch))}`}</td></tr>`,
    )}</tbody></table></details>`;
}

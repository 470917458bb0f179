import type { RunStage } from "@peco/artifacts";
import { duration, number, percent, short, significant } from "../format.ts";
import type { NetworkHistory, RunData, SeedData } from "../gather.ts";
import { type Html, html, trusted } from "../html.ts";
import { type Line, lineChart } from "../plots.ts";
import { type ReadValue, valueReader } from "../recipe-values.ts";
import { type StageMetrics, stageMetrics } from "../stage-metrics.ts";

/** What each stage is for, in the words of the method that the recipe chose. */
const stageWords = (v: ReadValue): Record<string, { title: string; purpose: string }> => ({
  data: { title: "Data", purpose: "reads, splits and packs the pictures" },
  "perceptual-network": { title: "Perceptual network", purpose: "learns to see without labels (MoCo v3)" },
  codebook: { title: "Codebook", purpose: tokenizerPurpose(v) },
  pretrain: {
    title: "Pre-training",
    purpose: v("pretrain.target") === "pixels" ? "draws hidden patches" : "names the tokens of hidden patches",
  },
  finetune: {
    title: "Fine-tuning",
    purpose: `learns the classes, from ${STARTS[v("finetune.start")] ?? "the pre-trained network"}`,
  },
  "finetune-from-scratch": {
    title: "From scratch",
    purpose: "learns the classes from random weights",
  },
  evaluate: { title: "Evaluation", purpose: "measures everything on the test split" },
});
const STARTS: Record<string, string> = {
  "perceptual-network": "the perceptual network",
  weights: "a network from a file",
};

function tokenizerPurpose(v: ReadValue): string {
  if (v("codebook.source") === "feature-kmeans") return "clusters of the perceptual network's features are the tokens";
  return `an autoencoder whose tokens keep what ${v("codebook.loss.perceptual") === "0" ? "the pixels show" : "the perceptual network sees"}`;
}

const STATES: Record<string, string> = {
  ran: "",
  cached: "from the store",
  waiting: "not started",
  running: "under way",
  failed: "failed",
  cancelled: "cancelled",
  "left-out": "left out",
};

/** The stages in order, with time and throughput. */
export function pipelineSection({ run, seeds }: RunData): Html {
  const longest = Math.max(1e-9, ...run.stages.map((stage) => secondsOf(stage) ?? 0));
  const words = stageWords(valueReader(run.recipe.resolved));
  return html`<section aria-labelledby="pipeline">
    <h2 id="pipeline">How it was made</h2>
    <p class="lead">${run.stages.length === 0 ? "No stage has started." : html`${stageCount(run.stages)}${run.seconds === null ? "" : ` in ${duration(run.seconds)}`}.`}</p>
    ${seeds.map((seed, i) => {
      const list = html`<ol class="stages">${seed.stages.map((stage) => stageRow(stage, words[stage.name], longest))}</ol>`;
      if (seeds.length === 1) return list;
      return html`<details${i === 0 ? trusted(" open") : null}><summary>Seed ${seed.seed}</summary>${list}</details>`;
    })}
  </section>`;
}

function stageCount(stages: readonly RunStage[]): string {
  const ran = stages.filter(({ state }) => state === "ran").length;
  const cached = stages.filter(({ state }) => state === "cached").length;
  const words = [
    ran > 0 ? `${ran} ${ran === 1 ? "stage" : "stages"} ran` : "",
    cached > 0 ? `${cached} found finished in the store` : "",
  ];
  return words.filter((word) => word !== "").join(", ") || "No stage has finished";
}

function secondsOf(stage: RunStage): number | null {
  return stage.state === "ran" || stage.state === "running" || stage.state === "failed" ? stage.seconds : null;
}

function stageRow(stage: RunStage, { title, purpose } = { title: stage.name, purpose: "" }, longest: number): Html {
  const seconds = secondsOf(stage);
  const metrics = stageMetrics.safeParse(stage.metrics).data ?? {};
  const made = stage.state === "cached" && stage.seconds !== null ? [`made in ${duration(stage.seconds)}`] : [];
  const facts = [...made, ...stageFacts(metrics)];
  return html`<li class="${stage.state}">
    <div class="stage-name"><strong>${title}</strong> <span>${metrics.steps === 0 ? "is taken as it is: nothing is trained here" : purpose}</span></div>
    <div class="stage-time">${seconds === null ? html`<em>${STATES[stage.state] ?? stage.state}</em>` : duration(seconds)}</div>
    <div class="stage-bar"><div style="width:${((100 * (seconds ?? 0)) / longest).toFixed(1)}%"></div></div>
    <div class="stage-facts">${facts.map((fact) => `${fact} · `)}${stage.artifact === null ? null : html` <a href="#a-${short(stage.artifact)}">${short(stage.artifact)}</a>`}</div>
  </li>`;
}

/** A trainer's work and speed, as far as it is known. Speeds come from the steps that were timed, which leave out start and tracing. */
function stageFacts({ steps, images, gflop, stepSeconds = 0, stepsTimed, waitShare }: StageMetrics): string[] {
  const share = steps === undefined || stepsTimed === undefined ? 1 : stepsTimed / steps;
  const perSecond = (all: number | undefined) =>
    all === undefined || stepSeconds === 0 ? null : number((all * share) / stepSeconds);
  const facts = [
    [steps === undefined ? null : number(steps), "steps"],
    [images === undefined ? null : number(images), "pictures"],
    [gflop === undefined ? null : number(gflop), "GFLOP"],
    [perSecond(images), "pictures/s"],
    [perSecond(gflop), "GFLOP/s"],
    [waitShare === undefined || stepSeconds === 0 ? null : percent(waitShare), "of it waiting for pictures"],
  ];
  return facts.flatMap(([value, unit]) => (value === null ? [] : `${value} ${unit}`));
}

/** Loss curves of all trainers, from the first seed, small and side by side. */
export async function curvesSection({ run, seeds }: RunData): Promise<Html | null> {
  const seed = seeds.find(({ histories }) => histories.length > 0);
  if (seed === undefined) return null;
  const drawn = valueReader(run.recipe.resolved)("pretrain.target") === "pixels";
  const charts = [
    await chart(seed, ["perceptual-network"], "loss", "Perceptual network", "contrastive loss"),
    await chart(seed, ["codebook"], "loss", "Codebook", "pixel + perceptual + commitment loss"),
    await chart(seed, ["codebook"], "perplexity", "Codebook", "perplexity in a batch"),
    await chart(
      seed,
      ["pretrain"],
      "loss",
      "Pre-training",
      drawn ? "squared error of hidden patches" : "cross-entropy of hidden tokens",
    ),
    await chart(seed, ["pretrain"], "accuracy", "Pre-training", "share of hidden tokens named right"),
    await chart(
      seed,
      ["finetune", "finetune-from-scratch"],
      "loss",
      "Fine-tuning",
      "cross-entropy; pre-trained in colour, from scratch grey",
    ),
  ].filter((found) => found !== null);
  return html`<section aria-labelledby="curves">
    <h2 id="curves">Learning curves</h2>
    ${seeds.length > 1 ? html`<p class="lead">Seed ${seed.seed}.</p>` : null}
    <div class="charts">${charts}</div>
  </section>`;
}

async function chart(
  seed: SeedData,
  stages: readonly string[],
  field: string,
  title: string,
  caption: string,
): Promise<Html | null> {
  const lines = stages.flatMap((stage) => {
    const found = seed.histories.filter(
      (history) => history.stage === stage && history.rows.some((row) => row[field] !== undefined),
    );
    return found.length === 0 ? [] : [{ name: stage, points: meanCurve(found, field) }];
  }) satisfies Line[];
  if (lines.length === 0) return null;
  const ends = lines.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    return `${lines.length > 1 ? `${name} ` : ""}from ${significant(first?.y ?? Number.NaN)} to ${significant(last?.y ?? Number.NaN)} after ${number(last?.x ?? 0)} steps`;
  });
  const svg = await lineChart(lines, { label: `${title}, ${caption}: ${ends.join("; ")}.`, x: "step" });
  return html`<figure><figcaption><strong>${title}</strong> ${caption}</figcaption>${svg}</figure>`;
}

/** Mean over a stage's networks, row by row, where it trains several. */
function meanCurve(histories: readonly NetworkHistory[], field: string): { x: number; y: number }[] {
  const sums = new Map<number, { total: number; count: number }>();
  for (const row of histories.flatMap((history) => history.rows)) {
    const value = row[field];
    if (value === undefined || !Number.isFinite(value)) continue;
    const sum = sums.get(row.step) ?? { total: 0, count: 0 };
    sums.set(row.step, { total: sum.total + value, count: sum.count + 1 });
  }
  return [...sums].toSorted(([a], [b]) => a - b).map(([x, { total, count }]) => ({ x, y: total / count }));
}

import type { CodeWords, NearestNeighbours, Probe } from "../evaluation.ts";
import { counted, number, percent } from "../format.ts";
import type { RunData, SeedData } from "../gather.ts";
import { type Html, html } from "../html.ts";
import { lineChart } from "../plots.ts";
import { spreadOf } from "../spread.ts";
import { chanceOf, plusMinus } from "./result.ts";
import { sourceLine } from "./source.ts";

/** What the page calls a network whose frozen features are asked, in the page's order. */
export const NETWORKS = {
  pretrained: "pre-trained",
  "perceptual-network": "perceptual network",
  weights: "weights from a file",
  random: "random weights",
} as const;

/** Everything that is read off frozen networks and tokens: probes block by block, nearest neighbours, code words. */
export async function featuresSection({ seeds }: RunData): Promise<Html | null> {
  const all = seeds.flatMap((seed) => seed.evaluation?.classification ?? []);
  const [first] = all;
  if (first === undefined || (first.probes.length === 0 && first.codeWords === null)) return null;
  const probes = all.flatMap((one) => one.probes);
  const neighbours = all.flatMap((one) => one.nearestNeighbours);
  const words = all.flatMap((one) => one.codeWords ?? []);
  const method = probes[0]?.method === "adamw" ? "trained as BEiT's, on augmented pictures" : "fitted by L-BFGS";
  return html`<section aria-labelledby="features">
    <h2 id="features">What is in the features</h2>
    <p class="lead">Nothing is trained here but linear classifiers, ${method} on ${counted(first.probeLabels, "labelled picture")}: what
      can be read off the frozen network, block by block, and off the tokens themselves. Blocks, numbers of neighbours and epochs are chosen on
      validation; the figures are of the test split.</p>
    <div class="split">${await probeCurve(probes)}<div>${probeTable(probes, chanceOf(seeds))}${neighbourTable(neighbours)}</div></div>
    ${codeWordTable(seeds, words)}
    ${sourceLine(seeds, "evaluate")}
  </section>`;
}

/** The networks that are there. */
function networksOf(found: readonly { network: keyof typeof NETWORKS }[]): (keyof typeof NETWORKS)[] {
  const all = Object.keys(NETWORKS) as (keyof typeof NETWORKS)[];
  return all.filter((name) => found.some(({ network }) => network === name));
}

async function probeCurve(probes: readonly Probe[]): Promise<Html | null> {
  const lines = networksOf(probes).map((network) => {
    const own = probes.filter((probe) => probe.network === network);
    const blocks = [...new Set(own.flatMap((probe) => probe.blocks.map(({ block }) => block)))].sort((a, b) => a - b);
    const points = blocks.map((x) => {
      const tests = own.flatMap((probe) => probe.blocks.filter(({ block }) => block === x).map(({ test }) => test));
      return { x, y: spreadOf(tests).mean };
    });
    return { name: NETWORKS[network], points };
  });
  if (lines.length === 0) return null;
  const words = lines.map(({ name, points }) => `${name} ${points.map(({ y }) => percent(y)).join(", ")}`);
  const svg = await lineChart(lines, {
    label: `Top-1 of a linear classifier of each block's features: ${words.join("; ")}.`,
    x: "block",
    whole: true,
    percent: true,
  });
  return html`<figure><figcaption><strong>Linear probe</strong> top-1, ${lines.map(({ name }, i) => html`${i > 0 ? " and " : ""}${name} ${["in colour", "in grey", "pale"][i]}`)}</figcaption>${svg}</figure>`;
}

/** Which blocks were chosen, and the best epochs where there are several. */
function probeTable(probes: readonly Probe[], chance: number): Html | null {
  if (probes.length === 0) return null;
  const rows = networksOf(probes).map((network) => {
    const own = probes.filter((probe) => probe.network === network);
    const best = own.flatMap((probe) => {
      const chosen = probe.blocks.reduce((a, b) => ((b.best?.validation ?? 0) > (a.best?.validation ?? 0) ? b : a));
      return chosen.best === null ? [] : [{ ...chosen.best, block: chosen.block }];
    });
    return {
      network,
      blocks: [...new Set(own.map(({ block }) => block))],
      top1: spreadOf(own.map(({ top1 }) => top1)),
      best,
    };
  });
  return html`<table>
    <thead><tr><th scope="col">Linear probe</th><th scope="col">Top-1</th></tr></thead>
    <tbody>${rows.map(
      ({ network, blocks, top1, best }) =>
        html`<tr><th scope="row">${NETWORKS[network]}<small>block ${blocks.join(", ")}${
          best.length === 0 ? "" : ", last epoch"
        }</small></th><td>${percent(top1.mean)} ${plusMinus(top1)}<small>chance ${percent(chance)}</small>${
          best.length === 0
            ? null
            : html`<small>best epoch ${best.map(({ epoch }) => epoch).join(", ")}, block ${best.map(({ block }) => block).join(", ")}: ${percent(spreadOf(best.map(({ test }) => test)).mean)}</small>`
        }</td></tr>`,
    )}</tbody></table>`;
}

function neighbourTable(found: readonly NearestNeighbours[]): Html | null {
  if (found.length === 0) return null;
  const outputs = { "class-token": "class token", "patch-mean": "mean of the patches" } as const;
  const counts = [...new Set(found.flatMap(({ results }) => results.map(({ neighbours }) => neighbours)))];
  const rows = networksOf(found).flatMap((network) =>
    (["class-token", "patch-mean"] as const)
      .map((output) => ({
        network,
        output,
        own: found.filter((one) => one.network === network && one.output === output),
      }))
      .filter(({ own }) => own.length > 0),
  );
  const cell = (own: readonly NearestNeighbours[], count: number) => {
    const tests = own.flatMap(({ results }) => results.filter(({ neighbours }) => neighbours === count));
    const chosen = own.some(({ neighbours }) => neighbours === count);
    const value = percent(spreadOf(tests.map(({ test }) => test)).mean);
    return html`<td>${chosen ? html`<strong>${value}</strong>` : value}</td>`;
  };
  return html`<table>
    <caption>Nearest neighbours among ${counted(found[0]?.pictures ?? 0, "training picture")}, weighted by the cosine of normalised outputs; bold is the number that was best on validation.</caption>
    <thead><tr><th scope="col">k</th>${counts.map((count) => html`<th scope="col">${count}</th>`)}</tr></thead>
    <tbody>${rows.map(({ network, output, own }) => html`<tr><th scope="row">${NETWORKS[network]}<small>${outputs[output]}</small></th>${counts.map((count) => cell(own, count))}</tr>`)}</tbody>
  </table>`;
}

function codeWordTable(seeds: readonly SeedData[], words: CodeWords): Html | null {
  if (words.length === 0) return null;
  const names = {
    bag: "how often each code occurs",
    embeddings: "code vectors",
    latents: "latents before the codebook",
  } as const;
  const side = seeds.find((seed) => seed.evaluation !== null)?.evaluation?.samples.grid ?? 0;
  const rows = (["bag", "embeddings", "latents"] as const).flatMap((representation) => {
    const own = words.filter((one) => one.representation === representation);
    return own.length === 0 ? [] : [{ representation, pooled: own.some(({ pooled }) => pooled), own }];
  });
  return html`<h3>What the code words say by themselves</h3>
  <table>
    <caption>A linear classifier of a picture's ${number(side ** 2)} tokens, without any transformer. The more it tells, the nearer the vocabulary is to what things are.</caption>
    <thead><tr><th scope="col">Made of</th><th scope="col">Validation</th><th scope="col">Test</th></tr></thead>
    <tbody>${rows.map(({ representation, pooled, own }) => {
      const [validation, test] = [spreadOf(own.map((one) => one.validation)), spreadOf(own.map((one) => one.test))];
      return html`<tr><th scope="row">${names[representation]}<small>${
        representation === "bag" ? "a count for each code" : pooled ? "mean over the places" : "place by place"
      }</small></th><td>${percent(validation.mean)}</td><td>${percent(test.mean)} ${plusMinus(test)}</td></tr>`;
    })}</tbody>
  </table>`;
}

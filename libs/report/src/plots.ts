import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { type Html, html, trusted } from "./html.ts";

/** One line of a chart. The first of a chart is drawn in the accent colour, the second in the text's, others fade. */
export interface Line {
  name: string;
  points: readonly { x: number; y: number }[];
}

const COLOURS = ["var(--accent)", "var(--quiet)", "var(--faint)"];
/** Charts are this wide so that their letters keep their size on a telephone, where a chart fills the width. */
const WIDTH = 330;
const HEIGHT = 190;

const config = {
  background: "transparent",
  font: "inherit",
  view: { stroke: null },
  axis: {
    domain: false,
    ticks: false,
    labelColor: "var(--quiet)",
    titleColor: "var(--quiet)",
    gridColor: "var(--line)",
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal" as const,
    labelPadding: 6,
    tickCount: 4,
  },
};

/**
 * Lines over steps, as SVG with `label` for those who cannot see it. `y` starts at zero where the values come near it. `whole`: over a few
 * whole numbers, which get a dot and a tick each; `percent`: values are shares.
 */
export async function lineChart(
  lines: readonly Line[],
  options: { label: string; x: string; y?: string; whole?: boolean; percent?: boolean },
): Promise<Html> {
  const values = lines.flatMap(({ name, points }) => points.map(({ x, y }) => ({ x, y, name })));
  const places = [...new Set(values.map(({ x }) => x))].filter((x, _, all) => all.length <= 12 || x % 2 === 0);
  return draw(
    {
      data: { values },
      mark: { type: "line", strokeWidth: 1.6, strokeJoin: "round", clip: false, point: options.whole === true },
      encoding: {
        x: {
          field: "x",
          type: "quantitative",
          title: options.x,
          scale: { zero: options.whole !== true },
          axis: { grid: false, format: ",d", ...(options.whole === true && { values: places }) },
        },
        y: {
          field: "y",
          type: "quantitative",
          title: options.y ?? null,
          scale: { zero: false, nice: true },
          axis: { format: options.percent === true ? ".0%" : "~r" },
        },
        color: {
          field: "name",
          type: "nominal",
          legend: null,
          sort: null,
          scale: { domain: lines.map(({ name }) => name), range: COLOURS },
        },
      },
    },
    options.label,
  );
}

/** Counts from the largest to the smallest as a filled curve, with a dashed line at `even`. */
export async function rankChart(
  sorted: readonly number[],
  options: { label: string; x: string; y: string; even: number },
): Promise<Html> {
  const values = sorted.map((count, rank) => ({ rank: rank + 1, count }));
  return draw(
    {
      data: { values },
      layer: [
        {
          mark: {
            type: "area",
            interpolate: "step-after",
            color: "var(--accent)",
            fillOpacity: 0.18,
            line: { color: "var(--accent)", strokeWidth: 1.4 },
          },
          encoding: {
            x: { field: "rank", type: "quantitative", title: options.x, axis: { grid: false }, scale: { nice: false } },
            y: { field: "count", type: "quantitative", title: options.y, axis: { format: "~s" } },
          },
        },
        { mark: { type: "rule", color: "var(--quiet)", strokeDash: [4, 4] }, encoding: { y: { datum: options.even } } },
      ],
    },
    options.label,
  );
}

async function draw(spec: object, label: string): Promise<Html> {
  const whole = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: WIDTH,
    height: HEIGHT,
    padding: 4,
    config,
    ...spec,
  };
  const compiled = compile(whole as TopLevelSpec).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  // The chart is one picture with one description; Vega's own roles would read out every tick.
  const quiet = svg
    .replaceAll(/ (?:role|aria-[a-z]+)="[^"]*"/g, "")
    .replace("<svg ", '<svg aria-hidden="true" focusable="false" ');
  return html`<div class="chart" role="img" aria-label="${label}">${trusted(quiet)}</div>`;
}

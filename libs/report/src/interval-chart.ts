import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { html } from "./html.ts";

/** One row of an interval chart. */
export interface IntervalRow {
  readonly name: string;
  /** One figure a seed, drawn as points. */
  readonly values: readonly number[];
  readonly mean: number;
  /** 95 % interval of the mean; null: not known. */
  readonly interval: readonly [number, number] | null;
  /** Drawn in the accent colour. */
  readonly accent?: boolean;
}

/** Colours that are told from both a light and a dark page, since a picture file knows nothing of the page that shows it. */
const colours = { accent: "#c2410c", plain: "#64748b", text: "#64748b", line: "#94a3b855" };

/**
 * Rows of points with mean and 95 % interval, as the SVG of a picture file of its own; equal rows give equal bytes. A line is drawn at
 * `options.at`, where there is one.
 */
export async function intervalChart(
  rows: readonly IntervalRow[],
  options: { title: string; x: string; at?: number; percent?: boolean },
): Promise<string> {
  const order = rows.map(({ name }) => name);
  const y = {
    field: "name",
    type: "nominal",
    sort: order,
    title: null,
    axis: { labelLimit: 0, grid: true },
  } as const;
  const colour = { condition: { test: "datum.accent", value: colours.accent }, value: colours.plain } as const;
  const x = (field: string) => ({
    field,
    type: "quantitative" as const,
    title: options.x,
    scale: { zero: false, nice: true },
    axis: { format: options.percent === false ? "~r" : ".0%" },
  });
  const points = rows.flatMap(({ name, values, accent }) => values.map((value) => ({ name, value, accent })));
  const means = rows.map(({ name, mean, interval, accent }) => ({
    name,
    mean,
    low: interval?.[0] ?? mean,
    high: interval?.[1] ?? mean,
    accent,
  }));
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: { text: options.title, anchor: "start", fontSize: 13, fontWeight: "bold", color: colours.text },
    width: 420,
    height: { step: 26 },
    padding: 6,
    config: chartConfig,
    layer: [
      ...(options.at === undefined
        ? []
        : [
            {
              data: { values: [{ at: options.at }] },
              mark: { type: "rule", color: colours.plain, strokeDash: [4, 4] },
              encoding: { x: { field: "at", type: "quantitative" } },
            },
          ]),
      {
        data: { values: points },
        mark: { type: "point", filled: true, size: 34, opacity: 0.75 },
        encoding: { y, x: x("value"), color: colour },
      },
      {
        data: { values: means },
        mark: { type: "rule", strokeWidth: 1.5 },
        encoding: { y, x: x("low"), x2: { field: "high" }, color: colour },
      },
      {
        data: { values: means },
        mark: { type: "point", shape: "diamond", filled: true, size: 90, opacity: 1 },
        encoding: { y, x: x("mean"), color: colour },
      },
    ],
  };
  const view = new vega.View(vega.parse(compile(spec as TopLevelSpec).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  const plain = svg.replaceAll(/ (?:role|aria-[a-z]+)="[^"]*"/g, "");
  return `${plain.replace(/<svg[^>]*>/, (tag) => `${tag}${html`<title>${options.title}</title>`.text}`)}\n`;
}

const chartConfig = {
  background: "transparent",
  font: "system-ui, sans-serif",
  view: { stroke: null },
  axis: {
    domain: false,
    ticks: false,
    labelColor: colours.text,
    titleColor: colours.text,
    gridColor: colours.line,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal" as const,
    labelPadding: 6,
  },
};

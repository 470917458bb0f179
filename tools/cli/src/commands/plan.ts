import { readFileSync } from "node:fs";
import { accelerators, plan, utilisation } from "@peco/plan";
import { type LoadedRecipe, loadRecipe, recipeFile, recipeNames } from "@peco/recipes";
import { recipeValues } from "@peco/report";
import { ensureLibrary } from "tfjs-libtensorflow/library";
import { z } from "zod";
import type { Answer } from "../output.ts";
import { bytes, figure, pairs, table } from "../table.ts";
import { UsageError } from "../usage-error.ts";

const span = z.object({ low: z.number(), high: z.number() });

/** The document of `peco plan --json`. */
export const planDocument = z.object({
  recipe: z.string(),
  assumptions: z.object({
    accelerator: z.string(),
    devices: z.int(),
    peak: z
      .object({ bfloat16: z.number(), float32: z.number() })
      .describe("floating-point operations a second of one device; float32 is TF32 where there is such"),
    source: z.string().describe("where the peaks stand"),
    utilisation: span.describe("share of the peak that is assumed"),
    classes: z.int(),
  }),
  stages: z.array(
    z.object({
      stage: z.string(),
      part: z.string().nullable().describe("what of the stage this is, where it trains several things"),
      precision: z.enum(["float32", "bfloat16"]).describe("of its matrix products"),
      parameters: z.number(),
      flopsPerImage: z.number().describe("products and convolutions of the traced step, 2 per multiply-add"),
      steps: z.int(),
      batch: z.int(),
      microBatch: z.int().describe("pictures that a device computes at a time"),
      images: z.number(),
      memory: z.object({
        stateBytes: z.number(),
        accumulatorBytes: z.number(),
        activationBytes: z.number().describe("most that lives at once in the traced order, in float32"),
        totalBytes: z.number(),
      }),
      fit: z.object({
        deviceBytes: z.number().describe("memory of the accelerator"),
        fits: z.boolean().describe("whether totalBytes are no more than that"),
        remedy: z.string().nullable().describe("what to change where they are more"),
      }),
      imagesPerSecond: span,
      days: span,
    }),
  ),
  days: span,
  values: z.array(z.object({ path: z.string(), value: z.string(), source: z.string() })),
});
type Document = z.infer<typeof planDocument>;

/** The document of `peco plan --json` without a recipe. */
export const planListDocument = z.object({ recipes: z.array(z.object({ name: z.string(), what: z.string() })) });

/** The words of `peco plan`. */
export interface PlanOptions {
  recipe?: string;
  set?: string[];
  gpu: string;
  gpus: number;
  classes: number;
  values?: boolean;
  json?: boolean;
}

/** Says what an experiment takes, from its steps traced on shapes alone; runs nothing. Without a recipe it lists those there are. */
export async function planCommand(options: PlanOptions): Promise<Answer> {
  if (options.recipe === undefined) return list();
  const accelerator = accelerators[options.gpu];
  if (accelerator === undefined) {
    const known = Object.keys(accelerators).join(", ");
    throw new UsageError(`there is no accelerator "${options.gpu}" here`, `Name one of ${known}.`);
  }
  // an outlook is of any pictures: there are as many as the recipe asks for
  const loaded = loadRecipe(options.recipe, { sets: options.set ?? [], source: "folder" });
  await ensureLibrary({ log: (line) => process.stderr.write(`${line}\n`) });
  const { gpus: devices, classes } = options;
  const document: Document = {
    recipe: loaded.name,
    assumptions: {
      accelerator: accelerator.name,
      devices,
      peak: { ...accelerator.peak },
      source: accelerator.source,
      utilisation: { ...utilisation },
      classes,
    },
    ...mutable(plan(loaded.recipe, { accelerator, devices, classes })),
    values: recipeValues(loaded.recipe),
  };
  return { document, text: textOf(document, loaded, options.values === true) };
}

const mutable = (value: ReturnType<typeof plan>): Pick<Document, "stages" | "days"> => structuredClone(value) as never;

/** The line of a recipe's header after `# name: `. */
function what(name: string): string {
  const head = readFileSync(recipeFile(name), "utf8");
  return new RegExp(`^# ${name}: (.*)$`, "m").exec(head)?.[1] ?? "";
}

function list(): Answer {
  const recipes = recipeNames().map((name) => ({ name, what: what(name) }));
  return { document: { recipes }, text: pairs(recipes.map((recipe) => [recipe.name, recipe.what] as const)) };
}

/** Days or hours of a range: `1.2-2.0 days`. */
export function rangeOfDays({ low, high }: { low: number; high: number }): string {
  if (high * 1440 < 1) return "under a minute";
  const [unit, scale] = high >= 1 ? ["days", 1] : high >= 1 / 24 ? ["hours", 24] : ["minutes", 1440];
  const shown = (value: number) => Number((value * scale).toPrecision(2));
  return `${shown(low)}-${shown(high)} ${unit}`;
}

function textOf(document: Document, { name }: LoadedRecipe, values: boolean): string {
  const { assumptions, stages, days } = document;
  const billions = (flops: number) => `${figure(flops / 1e9)} G`;
  const rows = stages.map((stage) => [
    stage.part === null ? stage.stage : `${stage.stage}: ${stage.part}`,
    { right: `${figure(stage.parameters / 1e6)} M` },
    { right: billions(stage.flopsPerImage) },
    { right: figure(stage.steps) },
    { right: stage.microBatch === stage.batch ? `${stage.batch}` : `${stage.batch} by ${stage.microBatch}` },
    { right: bytes(stage.memory.stateBytes + stage.memory.accumulatorBytes) },
    { right: bytes(stage.memory.activationBytes) },
    { right: `${round(stage.imagesPerSecond.low)}-${round(stage.imagesPerSecond.high)}` },
    { right: rangeOfDays(stage.days) },
  ]);
  const heading = [
    "stage",
    "parameters",
    "FLOP/picture",
    "steps",
    "batch",
    "state",
    "activations",
    "pictures/s",
    "time",
  ];
  const share = `${100 * assumptions.utilisation.low}-${100 * assumptions.utilisation.high} %`;
  const peaks = [...new Set(stages.map(({ precision }) => precision))].map(
    (precision) => `${assumptions.peak[precision] / 1e12} TFLOP/s in ${precision}`,
  );
  return [
    `recipe ${name}`,
    "",
    table(heading, rows),
    "",
    `in all ${rangeOfDays(days)} on ${assumptions.devices} x ${assumptions.accelerator}`,
    `Assumed: ${share} of a peak of ${peaks.join(" and ")} each (${assumptions.source}). Operations are counted in the traced steps; nothing was run.`,
    stages.some(({ stage }) => stage === "evaluate")
      ? "Of evaluate, the training of its classifiers is counted, over evaluate.probe.labels pictures; not the validation and test pictures after each epoch, whose number is the folder's, nor what goes over pictures once."
      : "evaluate is not counted: it trains no network, and goes over pictures a few times.",
    ...(assumptions.devices > 1
      ? ["This version trains on one device: what several give is an outlook, and --gpus 1 says what one takes."]
      : []),
    "Memory is of one device: state (with sums of gradients), and the most activations that live at once in the traced order.",
    ...memoryLines(document),
    ...(values
      ? [
          "",
          table(
            ["value", "set to", "from"],
            document.values.map(({ path, value, source }) => [path, value, source]),
          ),
        ]
      : []),
  ].join("\n");
}

/** Which stages do not fit into a device's memory, and what to do; that all do. */
function memoryLines({ assumptions, stages }: Document): string[] {
  const lines = stages.flatMap(({ stage, memory, fit }) => {
    if (fit.fits) return [];
    const device = `${bytes(fit.deviceBytes)} of an ${assumptions.accelerator}`;
    return [`${stage} does not fit: it takes ${bytes(memory.totalBytes)}, more than the ${device}: ${fit.remedy}.`];
  });
  const [first] = stages;
  if (lines.length > 0 || first === undefined) return lines;
  return [
    `Every stage fits into the ${bytes(first.fit.deviceBytes)} of an ${assumptions.accelerator}, by this estimate.`,
  ];
}

const round = (value: number) => Number(value.toPrecision(2)).toLocaleString("en");

import { readFileSync, writeFileSync } from "node:fs";
import { loadRecipe, recipeFile, recipeNames } from "@peco/recipes";
import { accelerators, utilisation } from "./hardware.ts";
import { type Plan, plan } from "./plan.ts";

/** The kind of machine for which recipes of ImageNet say what they take. */
const accelerator = accelerators["a100"] as NonNullable<(typeof accelerators)[string]>;
const devices = 8;

/** The recipes whose header says what they take. */
export function plannedRecipes(): string[] {
  return recipeNames().filter((name) => name.startsWith("imagenet/"));
}

/** The line of a recipe's header that says how long it takes, with the assumption. */
export function headerLine(name: string): string {
  const { recipe } = loadRecipe(name, { source: "folder" });
  const { days, stages } = plan(recipe, { accelerator, devices, classes: 1000 });
  const share = `${100 * utilisation.low}-${100 * utilisation.high} %`;
  const rates = stages
    .map(
      ({ stage, part, imagesPerSecond }) => `${part === null ? stage : `${stage}: ${part}`} ${span(imagesPerSecond)}`,
    )
    .join(", ");
  return `# Takes ${span(days)} days on ${devices} x ${accelerator.name} at ${share} of their peak (pictures/s: ${rates}); this version trains on one device.`;
}

/** A recipe's text with that line at the end of its header. */
export function withHeaderLine(text: string, line: string): string {
  const lines = text.split("\n").filter((each) => !each.startsWith("# Takes "));
  const end = lines.findIndex((each) => !each.startsWith("#"));
  return [...lines.slice(0, end), line, ...lines.slice(end)].join("\n");
}

function span({ low, high }: Plan["days"]): string {
  const shown = (value: number) => Number(value.toPrecision(2)).toLocaleString("en");
  return `${shown(low)}-${shown(high)}`;
}

if (import.meta.main) {
  for (const name of plannedRecipes()) {
    const file = recipeFile(name);
    const line = headerLine(name);
    writeFileSync(file, withHeaderLine(readFileSync(file, "utf8"), line));
    console.error(`${name}: ${line.slice(2)}`);
  }
}

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { recipeJsonSchema } from "./json-schema.ts";
import { recipeNames } from "./layers.ts";
import { loadRecipe } from "./load.ts";
import { type Plain, valueAt } from "./tree.ts";

/** Where the keys of a recipe are described; a test holds that it is up to date. */
export const recipeDocsPath = join(import.meta.dirname, "../../../docs/recipe.md");

const introduction = `# The recipe

A recipe is one YAML file, and everything that a run's results depend on beside pictures, seed and software.
\`./peco run --recipe NAME|FILE\` takes one, \`--set path=value\` changes one value of it (the value is YAML: \`--set codebook.loss.layers=[3]\`).
A file of your own says \`extends: small\` and then holds only what differs. Unknown keys, wrong types and impossible
combinations are refused, all at once, before anything runs.

This page is written by \`node libs/recipes/src/recipe-docs.ts\`. Values in the other columns stand only where they differ from small.`;

type Schema = z.core.JSONSchema.JSONSchema;

/** The recipes that have a column. */
const recipes: ReadonlyMap<string, Plain> = new Map(
  recipeNames()
    .filter((name) => !name.includes("/"))
    .map((name) => [name, loadRecipe(name).recipe as unknown as Plain]),
);

/** The text of docs/recipe.md: every key with its meaning, what it may be, and the values of the recipes that come with peco. */
export function recipeDocs(): string {
  const schema = recipeJsonSchema() as Schema;
  const parts = Object.entries(schema.properties ?? {}).map(([name, part]) => section(name, part as Schema));
  return `${[introduction, ...parts].join("\n\n")}\n`;
}

function section(name: string, schema: Schema): string {
  const others = [...recipes.keys()].filter((other) => other !== "small");
  const heading = `## \`${name}\`${schema.description === undefined ? "" : `\n\n${capital(schema.description)}.`}`;
  const lines = [
    ["key", "what it is", "may be", "small", ...others],
    ["---", "---", "---", "---", ...others.map(() => "---")],
    ...rows(schema, [name], others),
  ];
  return `${heading}\n\n${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}`;
}

function rows(schema: Schema, path: readonly string[], others: readonly string[]): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const at = [...path, name];
    const inner = child as Schema;
    const what = inner.description ?? "";
    if (inner.properties !== undefined) {
      const title = what === "" ? [] : [[`\`${at.slice(1).join(".")}\``, what, "", "", ...others.map(() => "")]];
      return [...title, ...rows(inner, at, others)];
    }
    const small = shown("small", at);
    const values = others.map((other) => (shown(other, at) === small ? "" : shown(other, at)));
    const row = [`\`${at.slice(1).join(".")}\``, what, range(inner), small, ...values];
    const map = inner.anyOf?.map((each) => each as Schema).find(({ properties }) => properties !== undefined);
    return map === undefined ? [row] : [row, ...rows(map, at, others)];
  });
}

function shown(recipe: string, path: readonly string[]): string {
  const value = valueAt(recipes.get(recipe) as Plain, path);
  if (value === undefined) return "";
  return JSON.stringify(value).replaceAll('"', "").replaceAll(",", ", ");
}

/** What a value may be, in a few words. */
function range(schema: Schema): string {
  if (schema.properties !== undefined) return "a map with all of these keys";
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined) return schema.enum.join(", ");
  if (schema.anyOf !== undefined) return schema.anyOf.map((each) => range(each as Schema)).join(" or ");
  if (schema.type === "array") {
    const { prefixItems, items } = schema as { prefixItems?: Schema[]; items?: Schema };
    return prefixItems === undefined
      ? `list: ${range(items ?? {})}`
      : `${prefixItems.length} values: ${range(prefixItems[0] ?? {})}`;
  }
  if (schema.type === "boolean") return "true, false";
  if (schema.type !== "integer" && schema.type !== "number") return String(schema.type);
  const whole = schema.type === "integer" ? "whole number" : "number";
  const from =
    schema.exclusiveMinimum === undefined ? bound("from", schema.minimum) : bound("above", schema.exclusiveMinimum);
  const to =
    schema.exclusiveMaximum === undefined ? bound("to", schema.maximum) : bound("below", schema.exclusiveMaximum);
  return [whole, from, to].filter((word) => word !== "").join(" ");
}

function bound(word: string, value: unknown): string {
  return typeof value !== "number" || Math.abs(value) === Number.MAX_SAFE_INTEGER ? "" : `${word} ${value}`;
}

function capital(text: string): string {
  return `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}`;
}

if (import.meta.main) writeFileSync(recipeDocsPath, recipeDocs());

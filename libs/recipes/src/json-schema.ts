import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { recipeSchema } from "./schema.ts";

/** JSON Schema (2020-12) of a whole, resolved recipe. */
export function recipeJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(recipeSchema), title: "peco recipe" };
}

/** JSON Schema of a recipe file, for editors: it may extend another recipe and then hold only what differs. */
export function recipeFileJsonSchema(): Record<string, unknown> {
  const { properties, ...whole } = allOptional(recipeJsonSchema()) as Record<string, unknown>;
  const base = {
    type: "string",
    description: "name of a recipe, or a file beside this one, that holds what is not given here",
  };
  return { ...whole, title: "peco recipe file", properties: { extends: base, ...(properties as object) } };
}

function allOptional(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(allOptional);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name, value]) => !(name === "required" && Array.isArray(value)))
      .map(([name, value]) => [name, allOptional(value)]),
  );
}

/** Where the schema of recipe files lies for editors; a test holds that it is up to date. */
export const recipeFileSchemaPath = join(import.meta.dirname, "../recipe.schema.json");

if (import.meta.main) writeFileSync(recipeFileSchemaPath, `${JSON.stringify(recipeFileJsonSchema(), null, 2)}\n`);

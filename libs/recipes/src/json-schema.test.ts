import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { recipeFileJsonSchema, recipeFileSchemaPath, recipeJsonSchema } from "./json-schema.ts";
import { recipeSchema } from "./schema.ts";

describe("the JSON Schema", () => {
  it("of recipe files is the committed one (node libs/recipes/src/json-schema.ts writes it)", () => {
    expect(JSON.parse(readFileSync(recipeFileSchemaPath, "utf8"))).toEqual(recipeFileJsonSchema());
  });

  it("demands every key of a whole recipe and none of a file, and allows no other in either", () => {
    expect(recipeJsonSchema()).toMatchObject({
      required: Object.keys(recipeSchema.shape),
      additionalProperties: false,
    });
    const file = recipeFileJsonSchema();
    expect(JSON.stringify(file)).not.toContain('"required":');
    expect(file).toMatchObject({ additionalProperties: false, properties: { extends: { type: "string" } } });
  });
});

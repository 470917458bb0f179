import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { recipeDocs, recipeDocsPath } from "./recipe-docs.ts";
import { keysAt, recipePaths } from "./shape.ts";

describe("docs/recipe.md", () => {
  it("is as the schema is (node libs/recipes/src/recipe-docs.ts writes it)", () => {
    expect(readFileSync(recipeDocsPath, "utf8")).toBe(recipeDocs());
  });

  it("has every key", () => {
    const docs = recipeDocs();
    for (const path of recipePaths()) {
      const parts = path.split(".");
      if (keysAt(parts).length === 0) expect(docs).toContain(`| \`${parts.slice(1).join(".")}\` |`);
    }
  });
});

import { readFileSync } from "node:fs";
import { recipeFile } from "@peco/recipes";
import { describe, expect, it } from "vitest";
import { headerLine, withHeaderLine } from "./recipe-headers.ts";

describe("the header of a recipe", () => {
  it("gets its line at the end, once", () => {
    const text = "# a: b\n#\n# Expected: c\nextends: small\n";
    const once = withHeaderLine(text, "# Takes 1-2 days.");
    expect(once).toBe("# a: b\n#\n# Expected: c\n# Takes 1-2 days.\nextends: small\n");
    expect(withHeaderLine(once, "# Takes 3-4 days.")).toBe(once.replace("1-2", "3-4"));
  });

  it("says what its plan says (node tools/plan/src/recipe-headers.ts writes it)", { timeout: 120_000 }, () => {
    const name = "imagenet/peco-vit-b16-300ep";
    expect(readFileSync(recipeFile(name), "utf8")).toContain(`\n${headerLine(name)}\n`);
  });
});

import { readFileSync } from "node:fs";
import { loadRecipe, type Recipe, recipeFile, stageGraph } from "@peco/recipes";
import { describe, expect, it } from "vitest";
import { headerLine, plannedRecipes, withHeaderLine } from "./recipe-headers.ts";

/** The header of a recipe, without the file's values. */
const headerOf = (name: string) =>
  readFileSync(recipeFile(name), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("#"))
    .join("\n");

/** What a plan of a recipe counts, told from its values alone. */
function countedStages(recipe: Recipe): string[] {
  const { perceptualNetwork, codebook, evaluate, finetune } = recipe;
  const graph = stageGraph(recipe, { labelled: true, source: "folder" });
  const trained = graph.flatMap(({ name }) => {
    if (name === "perceptual-network") return perceptualNetwork.source === "moco" ? [name] : [];
    if (name === "codebook") return codebook.source === "vq" ? [name] : [];
    return ["pretrain", "finetune", "finetune-from-scratch"].includes(name) ? [name] : [];
  });
  const words = evaluate.codeWords && finetune.start === "pretrained" && recipe.pretrain.target === "tokens";
  const parts = ["evaluate: probes of two networks", ...(words ? ["evaluate: code words"] : [])];
  return [...trained, ...(evaluate.probe.method === "adamw" ? parts : [])];
}

describe("the header of a recipe", () => {
  it("gets its line at the end, once", () => {
    const text = "# a: b\n#\n# Expected: c\nextends: small\n";
    const once = withHeaderLine(text, "# Takes 1-2 days.");
    expect(once).toBe("# a: b\n#\n# Expected: c\n# Takes 1-2 days.\nextends: small\n");
    expect(withHeaderLine(once, "# Takes 3-4 days.")).toBe(once.replace("1-2", "3-4"));
  });

  it.each(plannedRecipes())("has all parts, of the stages that there are: %s", (name) => {
    const header = headerOf(name);
    expect(header).toContain(`# ${name}: `);
    const command = /^# {3}\.\/peco run (.*)$/m.exec(header)?.[1]?.split(" ") ?? [];
    expect(command).toContain(name);
    const sets = command.flatMap((word, i) => (command[i - 1] === "--set" ? [word] : []));
    const { recipe } = loadRecipe(name, { sets, source: "folder" });
    // a figure has its source in brackets, or there is none
    const expected = header.slice(header.indexOf("# Expected: "));
    expect(expected).toMatch(/^# Expected: (unknown|[^#]*\d.*\(.+\))/);
    const takes = header.split("\n").filter((line) => line.startsWith("# Takes "));
    expect(takes).toHaveLength(1);
    const form =
      /^# Takes ([\d.,-]+) days on 8 x NVIDIA A100 SXM 80 GB at 30-50 % of their peak \(pictures\/s: (.*)\); this version trains on one device\.$/;
    const [, days = "", rates = ""] = form.exec(takes[0] ?? "") ?? [];
    const [low = 0, high = 0] = days.split("-").map((figure) => Number(figure.replaceAll(",", "")));
    expect(low).toBeGreaterThan(0);
    expect(high / low).toBeCloseTo(5 / 3, 0);
    expect(rates.split(/, (?=[a-z])/).map((rate) => rate.replace(/ [\d,.-]+$/, ""))).toEqual(countedStages(recipe));
  });

  it("says what its plan says (node tools/plan/src/recipe-headers.ts writes it)", { timeout: 120_000 }, () => {
    const name = "imagenet/peco-vit-b16-300ep";
    expect(readFileSync(recipeFile(name), "utf8")).toContain(`\n${headerLine(name)}\n`);
  });
});

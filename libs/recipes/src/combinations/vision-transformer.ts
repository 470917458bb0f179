import type { Recipe } from "../schema.ts";
import { type Rule, says } from "./rule.ts";

/** What the shape of a vision transformer must keep to. */
export function shapeRules(at: string, shape: (recipe: Recipe) => Recipe["vit"] | null): Rule[] {
  const rule = (keys: readonly [string, ...string[]], problem: (vit: Recipe["vit"]) => string | null): Rule => ({
    paths: keys.map((key) => `${at}.${key}`) as [string, ...string[]],
    problem: (recipe) => {
      const vit = shape(recipe);
      return vit === null ? null : problem(vit);
    },
  });
  return [
    rule(["heads", "width"], ({ heads, width }) =>
      says(width % heads !== 0, `a width of ${width} is not divisible by ${heads} heads`),
    ),
    rule(["width", "positions"], ({ width, positions }) =>
      says(positions === "sincos" && width % 4 !== 0, `${width} is not divisible by 4, which sincos positions need`),
    ),
    rule(["mlpRatio", "width"], ({ mlpRatio, width }) =>
      says(!Number.isInteger(mlpRatio * width), `${mlpRatio} times the width of ${width} is no whole number`),
    ),
  ];
}

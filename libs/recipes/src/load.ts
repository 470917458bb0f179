import type { z } from "zod";
import { combinationProblems, type PictureOrigin } from "./combinations.ts";
import { RecipeError, type RecipeProblem } from "./errors.ts";
import { fileLayers, type Layer, origins, recipeFile, recipeName, setLayer } from "./layers.ts";
import { reasonAgainst } from "./refused-keys.ts";
import { type Recipe, recipeSchema } from "./schema.ts";
import { isMapOrNull, keysAt, meantBy } from "./shape.ts";
import { merge, type Plain, valueAt } from "./tree.ts";

/** A recipe that passed all checks, with where it came from. */
export interface LoadedRecipe {
  /** Its name, or its file's name without the ending. */
  readonly name: string;
  readonly file: string;
  /** The changes of the command line, as written. */
  readonly sets: readonly string[];
  /** Whole: what a recipe extends and what was set are in it. */
  readonly recipe: Recipe;
}

/**
 * Reads a recipe by its name or file, with changes `path=value` on top, and checks all of it.
 *
 * A recipe file may say `extends: small` (a name, or a file beside it) and then holds only what differs.
 *
 * @param options.source where the pictures will come from: whether there are enough can only be said of generated ones. @default generated
 * @throws RecipeError with everything that is wrong at once: unknown and missing keys, wrong types, impossible combinations
 */
export function loadRecipe(
  nameOrFile: string,
  options: { sets?: readonly string[]; source?: PictureOrigin } = {},
): LoadedRecipe {
  const file = recipeFile(nameOrFile);
  const layers: Layer[] = fileLayers(file);
  let values = layers.reduce<Plain>((below, layer) => merge(below, layer.values), {});
  for (const text of options.sets ?? []) {
    const layer = setLayer(text, values);
    layers.push(layer);
    values = merge(values, layer.values);
  }
  const recipe = checkRecipe(values, origins(layers), options.source ?? "generated");
  return { name: recipeName(file), file, sets: options.sets ?? [], recipe };
}

/**
 * Checks a recipe that was read from elsewhere, such as a stage's specification.
 *
 * @param source where the pictures come from, if that is known
 * @throws RecipeError
 */
export function checkRecipe(
  values: unknown,
  from: (path: readonly string[]) => string | null = () => null,
  source: PictureOrigin | null = null,
): Recipe {
  const parsed = recipeSchema.safeParse(values);
  const issues = parsed.success ? [] : parsed.error.issues.flatMap((issue) => problemsOf(issue, values as Plain));
  const invalid = issues.map(({ path }) => path);
  const problems: RecipeProblem[] = [...issues, ...combinationProblems(values, invalid, source)].map(
    ({ path, reason }) => ({
      path,
      reason,
      from: from(path.split(".")),
    }),
  );
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new RecipeError("the recipe cannot be used:", problems);
}

function problemsOf(issue: z.core.$ZodIssue, values: Plain): { path: string; reason: string }[] {
  const at = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...at, key].join("."),
      reason: reasonAgainst([...at, key]) ?? `unknown key${meantBy(at, key)}`,
    }));
  }
  const value = valueAt(values, at);
  const path = at.join(".");
  if (value === undefined) return [{ path, reason: `is missing; ${remedyOfMissing(at.slice(0, -1))}` }];
  const text = JSON.stringify(value);
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return [
    { path, reason: issue.code === "custom" ? `${issue.message}: ${shown}` : `${reasonOf(issue, at)}, not ${shown}` },
  ];
}

function remedyOfMissing(map: readonly string[]): string {
  return isMapOrNull(map)
    ? `${map.join(".")} is null or has all of ${keysAt(map).join(", ")}`
    : "`extends: small` takes what is not given from there";
}

function reasonOf(issue: z.core.$ZodIssue, at: readonly string[]): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "object"
        ? `must be a map with ${keysAt(at).join(", ")}`
        : `must be ${article(issue.expected)}`;
    case "invalid_value":
      return `must be ${issue.values.map((value) => String(value)).join(" or ")}`;
    case "too_small":
      return `must ${issue.origin === "array" ? "have" : "be"} ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}${items(issue.origin)}`;
    case "too_big":
      return `must ${issue.origin === "array" ? "have" : "be"} ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}${items(issue.origin)}`;
    default:
      return issue.message;
  }
}

function items(origin: string): string {
  return origin === "array" ? " entries" : "";
}

function article(expected: string): string {
  const words: Record<string, string> = {
    int: "a whole number",
    number: "a number",
    boolean: "true or false",
    string: "a text",
    array: "a list",
    tuple: "a list",
  };
  return words[expected] ?? `of type ${expected}`;
}

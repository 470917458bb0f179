/** One thing that is wrong with a recipe. */
export interface RecipeProblem {
  /** Where in the recipe, such as `pretrain.mask.count`; empty for the whole. */
  readonly path: string;
  /** Why it is refused, and what was meant perhaps. */
  readonly reason: string;
  /** Where the value was written, such as `my.yaml:12` or `--set pretrain.steps=x`. */
  readonly from: string | null;
}

/** Thrown when a recipe cannot be used; all that is wrong with it at once. */
export class RecipeError extends Error {
  override readonly name = "RecipeError";
  readonly exitCode = 64;
  readonly problems: readonly RecipeProblem[];
  /** Where the first problem is. */
  readonly path: string;
  readonly remedy: string;

  constructor(what: string, problems: readonly RecipeProblem[], remedy = "Correct what is listed, and start again.") {
    super([what, ...problems.map(line)].join("\n  "));
    this.problems = problems;
    this.path = problems[0]?.path ?? "";
    this.remedy = remedy;
  }
}

function line({ path, reason, from }: RecipeProblem): string {
  return `${path === "" ? "" : `${path}: `}${reason}${from === null ? "" : ` (${from})`}`;
}

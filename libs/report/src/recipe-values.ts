import { flatValues } from "./flat-values.ts";
import { originOf } from "./origins.ts";

/** Every value of a recipe as words, and the publication that it was taken from, "own choice", or that nothing uses it. */
export function recipeValues(recipe: object): { path: string; value: string; source: string }[] {
  const values = flatValues("", recipe);
  const idle = idlePaths(new Map(values));
  return values.map(([path, value]) => ({
    path,
    value,
    source: idle(path) ? "not used: nothing is trained there" : originOf(path, value),
  }));
}

/** Which values belong to a training that a recipe leaves out, its network being taken from elsewhere. */
function idlePaths(values: ReadonlyMap<string, string>): (path: string) => boolean {
  const training: RegExp[] = [];
  if (values.get("perceptualNetwork.source") !== "moco")
    training.push(/^perceptualNetwork\.(?!source|preset|weights|vit)/);
  if (values.get("codebook.source") === "dall-e") training.push(/^codebook\.(?!source|weights|pictureSize|size$)/);
  return (path) => training.some((pattern) => pattern.test(path));
}

/** A recipe's value by its path as words; "?" where there is none, for a run may be of an older recipe. */
export type ReadValue = (path: string) => string;

/** Reads single values of a recipe. */
export function valueReader(recipe: object): ReadValue {
  return (path) => {
    const value = path
      .split(".")
      .reduce<unknown>((at, name) => (at as Readonly<Record<string, unknown>> | null | undefined)?.[name], recipe);
    return value === undefined ? "?" : typeof value === "string" ? value : JSON.stringify(value);
  };
}

/** Whether a recipe pre-trains as PeCo does: with the tokens of an autoencoder that a trained perceptual network taught. */
export function isPeCo(v: ReadValue): boolean {
  return (
    v("pretrain.target") === "tokens" &&
    v("codebook.source") === "vq" &&
    Number(v("codebook.loss.perceptual")) > 0 &&
    v("perceptualNetwork.source") !== "untrained"
  );
}

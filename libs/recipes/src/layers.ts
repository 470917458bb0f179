import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { RecipeError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { isMap, type Plain, paths, valueAt, withValue } from "./tree.ts";

const folder = join(import.meta.dirname, "../recipes");

/** A part of a recipe as it was written, with the place of each value. */
export interface Layer {
  readonly name: string;
  readonly values: Plain;
  /** Where a path was written, such as `my.yaml:12`. */
  readonly from: (path: readonly string[]) => string;
}

/** The names of the recipes that come with peco, such as `small` and `imagenet/peco-vit-b16-300ep`, those without a folder first. */
export function recipeNames(): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.slice(0, -".yaml".length).replaceAll("\\", "/"))
    .sort((a, b) => Number(a.includes("/")) - Number(b.includes("/")) || (a < b ? -1 : 1));
}

/**
 * The file of a recipe that comes with peco, or of the user's own.
 *
 * @throws RecipeError when there is none, with the nearest name
 */
export function recipeFile(nameOrFile: string, beside = "."): string {
  const own = join(folder, `${nameOrFile}.yaml`);
  if (!nameOrFile.startsWith(".") && isFile(own)) return own;
  const isPath = /^\.{0,2}\/|\.ya?ml$/.test(nameOrFile);
  const path = resolve(beside, nameOrFile);
  if (isPath && isFile(path)) return path;
  if (isPath) throw new RecipeError(`there is no recipe file ${path}`, [], "Check the path.");
  const near = nearest(nameOrFile, recipeNames());
  const meant = near === null ? "" : `, did you mean "${near}"?`;
  throw new RecipeError(
    `there is no recipe "${nameOrFile}"${meant}`,
    [],
    `The recipes are ${recipeNames()
      .filter((name) => !name.includes("/"))
      .join(", ")} and those that ./peco plan lists; a file of your own is named with its path, such as ./my.yaml.`,
  );
}

/** A recipe file's name: of one that comes with peco as it is asked for, else without folder and ending. */
export function recipeName(file: string): string {
  const own = relative(folder, file);
  return (own.startsWith("..") ? basename(file) : own.replaceAll("\\", "/")).replace(/\.ya?ml$/, "");
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/**
 * A recipe file and what it extends, the outermost base first.
 *
 * @throws RecipeError for a file that cannot be read, is no YAML, or extends itself
 */
export function fileLayers(path: string, above: readonly string[] = []): Layer[] {
  if (above.includes(path)) {
    throw new RecipeError(
      `${path} extends itself`,
      [],
      `The chain is ${[...above, path].map((file) => basename(file)).join(" -> ")}; break it.`,
    );
  }
  const layer = readLayer(path);
  if (!isMap(layer.values) || !Object.hasOwn(layer.values, "extends")) return [layer];
  const { extends: base, ...values } = layer.values;
  if (typeof base !== "string") {
    const reason = "is the name or file of another recipe";
    throw new RecipeError("the recipe cannot be used:", [{ path: "extends", reason, from: layer.from(["extends"]) }]);
  }
  return [...fileLayers(recipeFile(base, dirname(path)), [...above, path]), { ...layer, values }];
}

function readLayer(path: string): Layer {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new RecipeError(
      `cannot read the recipe ${path} (${(error as NodeJS.ErrnoException).code})`,
      [],
      "Check the path and its permissions.",
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const name = basename(path);
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      path: "",
      reason: error.message,
      from: `${name}:${lines.linePos(error.pos[0]).line}`,
    }));
    throw new RecipeError(`${path} is not YAML:`, problems);
  }
  return {
    name,
    values: (document.toJS() ?? {}) as Plain,
    from: (at) => {
      const node = document.getIn(at, true) as { range?: readonly number[] } | undefined;
      const start = node?.range?.[0];
      return start === undefined ? name : `${name}:${lines.linePos(start).line}`;
    },
  };
}

/**
 * A change from the command line, `path=value`, the value being YAML.
 *
 * @param base what it changes: a number in the path is a place in one of its lists
 * @throws RecipeError when it has not that form
 */
export function setLayer(text: string, base: Plain): Layer {
  const shown = `--set ${text}`;
  const [, path, value] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
  if (path === undefined || value === undefined || value.trim() === "") {
    throw new RecipeError(
      `"${shown}" is not of the form path=value`,
      [],
      "Write for example --set pretrain.steps=4800.",
    );
  }
  const document = parseDocument(value, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    throw new RecipeError(
      `the value of "${shown}" is not YAML: ${error.message}`,
      [],
      "Put quotes around it, or brackets for a list.",
    );
  }
  const parts = path.split(".");
  // inside a list, the whole list is the change
  const list = parts.findIndex((_, i) => Array.isArray(valueAt(base, parts.slice(0, i))));
  const within = list === -1 ? parts : parts.slice(0, list);
  const changed = withValue(
    list === -1 ? {} : (valueAt(base, within) ?? {}),
    list === -1 ? [] : parts.slice(list),
    document.toJS() as Plain,
  );
  return { name: shown, values: withValue({}, within, changed), from: () => shown };
}

/** Where each path of the merged layers was written last. */
export function origins(layers: readonly Layer[]): (path: readonly string[]) => string | null {
  const found = new Map<string, string>();
  for (const layer of layers) for (const path of paths(layer.values)) found.set(path.join("."), layer.from(path));
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const from = found.get(path.slice(0, length).join("."));
      if (from !== undefined) return from;
    }
    return null;
  };
}

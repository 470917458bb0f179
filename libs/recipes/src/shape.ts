import { z } from "zod";
import { nearest } from "./nearest.ts";
import { recipeSchema } from "./schema.ts";

/** The keys that a map of the recipe may have; none for what is no map. */
export function keysAt(path: readonly string[]): string[] {
  const schema = within(schemaAt(path));
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** Whether a part of the recipe is a map or null: all of its keys have to be given, for there are none to take over. */
export function isMapOrNull(path: readonly string[]): boolean {
  return schemaAt(path) instanceof z.ZodNullable && keysAt(path).length > 0;
}

function schemaAt(path: readonly string[]): unknown {
  let at: unknown = recipeSchema;
  for (const part of path) {
    const map = within(at);
    at = map instanceof z.ZodObject ? map.shape[part] : undefined;
  }
  return at;
}

function within(schema: unknown): unknown {
  return schema instanceof z.ZodNullable ? schema.unwrap() : schema;
}

/** All paths of the recipe, maps among them. */
export function recipePaths(path: readonly string[] = []): string[] {
  return keysAt(path).flatMap((key) => [[...path, key].join("."), ...recipePaths([...path, key])]);
}

/** What may have been meant by an unknown key: the nearest beside it or one that begins so, or where the same key stands elsewhere. */
export function meantBy(path: readonly string[], key: string): string {
  const beside =
    nearest(key, keysAt(path)) ?? keysAt(path).find((other) => key.length > 2 && other.startsWith(key)) ?? null;
  if (beside !== null) return `, did you mean "${[...path, beside].join(".")}"?`;
  const everywhere = recipePaths();
  const last = nearest(key, new Set(everywhere.map((other) => other.split(".").at(-1) ?? "")));
  const places = everywhere.filter((other) => other.split(".").at(-1) === last);
  if (places.length > 0)
    return `, did you mean ${places
      .slice(0, 3)
      .map((place) => `"${place}"`)
      .join(" or ")}?`;
  const keys = keysAt(path);
  return keys.length === 0 ? "" : `; known here: ${keys.join(", ")}`;
}

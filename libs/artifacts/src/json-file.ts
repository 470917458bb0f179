import { z } from "zod";
import { canonicalJson } from "./canonical-json.ts";
import { CorruptObject, StoreFormatError } from "./errors.ts";
import { storeFormat } from "./schemas.ts";

/** A value as the bytes of a file of the store: canonical JSON, UTF-8. */
export function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(canonicalJson(value));
}

/**
 * Reads a JSON file of the store.
 *
 * @throws CorruptObject when it is not JSON or not of the schema
 * @throws StoreFormatError when a newer version wrote it
 */
export function parseFile<S extends z.ZodType>(schema: S, bytes: Uint8Array, path: string): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new CorruptObject(`${path} is not JSON`, { path, remedy: corruptRemedy }, error);
  }
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (typeof format === "number" && format > storeFormat) throw newerFormat(path, format);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CorruptObject(`${path} is not what it should be: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`, {
    path,
    remedy: corruptRemedy,
  });
}

/** The failure for a file that a newer version wrote. */
export function newerFormat(path: string, format: number): StoreFormatError {
  return new StoreFormatError(`${path} has format ${format}, and this version knows formats up to ${storeFormat}`, {
    path,
    remedy: "Use the version of peco that wrote it, or name another store with --store DIR.",
  });
}

/** What to do about a damaged file: what is gone is made anew. */
export const corruptRemedy =
  "Run `./peco artifacts verify --remove`, which takes damaged files away, and start again: what is missing is then made anew.";

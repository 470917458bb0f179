import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Distribution } from "./distribution.ts";

/** Where a libtensorflow lies. */
export interface Library {
  /** Folder that holds both shared objects. */
  readonly dir: string;
  /** Path of `libtensorflow_cc`, which exports the C API. */
  readonly cc: string;
  /** Path of `libtensorflow_framework`, on which the other stands. */
  readonly framework: string;
  /** TensorFlow's version; `undefined` for a folder of the user's, which only the loaded library can tell. */
  readonly version: string | undefined;
  /** `environment` (LIBTENSORFLOW_DIR), or the build that was fetched. */
  readonly source: "environment" | Distribution["build"];
}

/** Name of the file that lists what a folder of the cache must hold; written last. */
export const manifestName = "files.json";

/** The per-user cache that all programs share: `$XDG_CACHE_HOME/tfjs-libtensorflow` or `~/.cache/tfjs-libtensorflow`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env["XDG_CACHE_HOME"];
  // The XDG specification has relative paths ignored.
  return join(base?.startsWith("/") ? base : join(homedir(), ".cache"), "tfjs-libtensorflow");
}

/** The library in the cache, or `undefined` when it is not there or not whole (a file is missing or has another size). */
export function readInstalled(distribution: Distribution, cache: string): Library | undefined {
  const folder = join(cache, distribution.folder);
  let files: [string, unknown][];
  try {
    files = Object.entries(JSON.parse(readFileSync(join(folder, manifestName), "utf8")));
  } catch {
    return undefined;
  }
  const names = new Set(files.map(([name]) => name));
  if (!names.has(distribution.cc) || !names.has(distribution.framework)) return undefined;
  for (const [name, bytes] of files)
    if (statSync(join(folder, name), { throwIfNoEntry: false })?.size !== bytes) return undefined;
  const cc = join(folder, distribution.cc);
  return {
    dir: dirname(cc),
    cc,
    framework: join(folder, distribution.framework),
    version: distribution.version,
    source: distribution.build,
  };
}

import { homedir } from "node:os";
import { join } from "node:path";
import { checkout } from "./checkout.ts";

/** A folder with what `./peco` fetched and can fetch again. */
export interface Cache {
  readonly what: string;
  readonly path: string;
}

/** Where programs keep what can be fetched again: `$XDG_CACHE_HOME`, or `~/.cache`. */
export function cacheHome(env: NodeJS.ProcessEnv = process.env): string {
  const base = env["XDG_CACHE_HOME"];
  return base?.startsWith("/") === true ? base : join(homedir(), ".cache");
}

/** Everything that `./peco` fetches: for this user, and for this checkout. */
export function caches(env: NodeJS.ProcessEnv = process.env): Cache[] {
  return [
    { what: "Node 24 and compiled code", path: join(cacheHome(env), "peco") },
    { what: "TensorFlow library", path: join(cacheHome(env), "tfjs-libtensorflow") },
    { what: "packages of this checkout", path: join(checkout, "node_modules") },
  ];
}

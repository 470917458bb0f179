import { accessSync, constants, existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type StoreError, StoreMissing } from "@peco/artifacts";
import { type LibraryError, locateLibrary } from "tfjs-libtensorflow/library";
import { cacheHome } from "../caches.ts";
import { storeFolder } from "../checkout.ts";
import { openStore } from "../open-store.ts";
import { bytes } from "../table.ts";
import { type Check, missing, note, ok, says } from "./check.ts";

/** What the library takes while it is fetched and unpacked. */
const libraryBytes = 1.5e9;
/** What the default run writes, with room for a second one. */
const storeBytes = 5e8;

/** The program that runs this. */
export function node(version = process.versions.node): Check {
  const fits = Number.parseInt(version, 10) >= 24;
  return fits
    ? ok("Node", version)
    : missing("Node", version, "Start it with ./peco, which brings Node 24 by itself.", 64);
}

/** Brings the packages when they change. */
export async function npm(env: NodeJS.ProcessEnv): Promise<Check> {
  const version = await says("npm", ["--version"], env);
  return version === null
    ? note("npm", "none", "./peco needs it to bring packages that are missing: install npm.")
    : ok("npm", version);
}

const installers = [["python3", "-m", "pip"], ["pip3"], ["pip"], ["python", "-m", "pip"], ["uv"]] as const;

/** Python 3 with pip, or uv, which fetch TensorFlow's library; needed only until it is there. */
export async function installer(env: NodeJS.ProcessEnv, libraryThere: boolean): Promise<Check> {
  for (const [command, ...words] of installers) {
    const version = await says(command, [...words, "--version"], env);
    if (version !== null) return ok("pip or uv", version);
  }
  if (libraryThere) return note("pip or uv", "none", "TensorFlow's library is there, so that nothing needs them now.");
  return missing("pip or uv", "none", "Install Python 3 with pip, or uv: they fetch TensorFlow's library.", 64);
}

/** TensorFlow's library: where it is, or that it will be fetched. */
export function library(env: NodeJS.ProcessEnv): Check & { readonly there: boolean } {
  const named = env["LIBTENSORFLOW_DIR"] ?? "";
  try {
    const { dir, version, source } = locateLibrary({ env });
    return { ...ok("TensorFlow library", `${version ?? "version of its own"} (${source}), ${dir}`), there: true };
  } catch (error) {
    const { message, remedy, exitCode } = error as LibraryError;
    if (typeof exitCode !== "number") throw error;
    const fetched = named === "" && (error as Error).name === "LibraryNotFoundError";
    const check = fetched
      ? note("TensorFlow library", "not there yet", "./peco run fetches it, about 270 MB.")
      : missing("TensorFlow library", message, remedy, exitCode);
    return { ...check, there: false };
  }
}

/** Space where the library and the store lie. */
export async function disk(env: NodeJS.ProcessEnv, store: string | undefined, libraryThere: boolean): Promise<Check[]> {
  const places = [
    { check: "disk of the store", path: storeFolder(store), needed: storeBytes },
    { check: "disk of the cache", path: cacheHome(env), needed: libraryThere ? 0 : libraryBytes },
  ];
  return Promise.all(
    places.map(async ({ check, path, needed }) => {
      const { bavail, bsize } = await statfs(existing(path));
      const found = `${bytes(bavail * bsize)} free for ${path}`;
      if (bavail * bsize >= needed) return ok(check, found);
      return missing(
        check,
        found,
        `At least ${bytes(needed)} are needed: free some space (\`./peco clean\` says what takes it), or take another disk.`,
        73,
      );
    }),
  );
}

/** Whether the store can be read and written, or made. */
export async function store(option: string | undefined): Promise<Check> {
  const path = storeFolder(option);
  try {
    await openStore(path);
  } catch (error) {
    if (!(error instanceof StoreMissing)) {
      const { message, remedy, exitCode } = error as StoreError;
      if (typeof exitCode !== "number") throw error;
      return missing("store", message, remedy, exitCode);
    }
  }
  const there = existsSync(join(path, "FORMAT"));
  try {
    accessSync(existing(path), constants.W_OK | constants.X_OK);
  } catch {
    return missing(
      "store",
      `${existing(path)} cannot be written`,
      "Make it writable, or name another store with --store DIR.",
      73,
    );
  }
  return ok("store", there ? path : `none yet; ./peco run makes it at ${path}`);
}

/** The folder itself, or the nearest one above it that exists. */
function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existing(dirname(path));
}

import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { cacheFolder, type Library, readInstalled } from "./cache.ts";
import { type Distribution, distributionFor } from "./distribution.ts";
import { LibraryNotFoundError, UnsupportedPlatformError, WrongLibraryError } from "./errors.ts";
import { fetchLibrary } from "./fetch.ts";
import { hasNvidiaDriver } from "./nvidia-driver.ts";

/** Which build is wanted. */
export interface LibraryOptions {
  /**
   * Whether the build with CUDA 12 is wanted.
   * @default what LIBTENSORFLOW_GPU says (1 or 0), else whether there is an NVIDIA driver
   */
  readonly gpu?: boolean;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
}

/** What `ensureLibrary` takes beside the build. */
export interface EnsureOptions extends LibraryOptions {
  /** Takes one line of text at a time. @default writes to standard error */
  readonly log?: (line: string) => void;
}

/**
 * Says where libtensorflow lies, without fetching anything: the folder in LIBTENSORFLOW_DIR, else the per-user cache.
 * Throws `LibraryNotFoundError` with every place that was looked at, `WrongLibraryError` when LIBTENSORFLOW_DIR holds
 * something else, `UnsupportedPlatformError`.
 */
export function locateLibrary({ gpu, env = process.env }: LibraryOptions = {}): Library {
  const dir = env["LIBTENSORFLOW_DIR"];
  if (dir !== undefined && dir !== "") return inFolder(resolve(dir));
  const cache = cacheFolder(env);
  const wanted = wantedDistribution({ gpu, env });
  const found = readInstalled(wanted, cache);
  if (found !== undefined) return found;
  throw new LibraryNotFoundError(
    `TensorFlow's library was not found: LIBTENSORFLOW_DIR is not set, and ${join(cache, wanted.folder)} does not hold TensorFlow ${wanted.version} whole.`,
    `Run \`npx tfjs-libtensorflow fetch${gpu === true ? " --gpu" : ""}\`, or set LIBTENSORFLOW_DIR to a folder that holds one.`,
    { path: join(cache, wanted.folder) },
  );
}

/**
 * Says where libtensorflow lies, and fetches it once per user when it is not there: the pinned wheel, by the user's own
 * pip or uv, checked by its SHA-256. Several processes may call it at the same time.
 * Throws what `locateLibrary` throws for a folder of the user's, `InstallerMissingError`, `DownloadError`,
 * `WheelMismatchError`, `CacheNotWritableError`, `UnsupportedPlatformError`.
 */
export async function ensureLibrary({
  log = toStandardError,
  gpu,
  env = process.env,
}: EnsureOptions = {}): Promise<Library> {
  const dir = env["LIBTENSORFLOW_DIR"];
  if (dir !== undefined && dir !== "") return inFolder(resolve(dir));
  return await fetchLibrary(wantedDistribution({ gpu, env }), { log, env });
}

function toStandardError(line: string): void {
  process.stderr.write(`tfjs-libtensorflow: ${line}\n`);
}

function wantedDistribution({ gpu, env }: { gpu: boolean | undefined; env: NodeJS.ProcessEnv }): Distribution {
  // Musl's loader can't load what was linked against glibc.
  if (process.platform === "linux" && existsSync(loader("musl")) && !existsSync(loader("glibc")))
    throw new UnsupportedPlatformError(
      "This system uses musl (as Alpine does), and TensorFlow's wheels need glibc 2.27 or later.",
      "Use a system with glibc, such as Debian, or set LIBTENSORFLOW_DIR to a libtensorflow built for this one.",
    );
  return distributionFor(process.platform, process.arch, wantsCuda(gpu, env) ? "cuda12" : "cpu");
}

/** Asked for means asked for; found means only where there is such a build. */
function wantsCuda(gpu: boolean | undefined, env: NodeJS.ProcessEnv): boolean {
  if (gpu !== undefined) return gpu;
  const said = env["LIBTENSORFLOW_GPU"];
  if (said === "1" || said === "0") return said === "1";
  return process.platform === "linux" && process.arch === "x64" && hasNvidiaDriver();
}

/** Where the dynamic loader of a C library lies on Linux. */
function loader(library: "musl" | "glibc"): string {
  const x64 = process.arch === "x64";
  if (library === "musl") return `/lib/ld-musl-${x64 ? "x86_64" : "aarch64"}.so.1`;
  return x64 ? "/lib64/ld-linux-x86-64.so.2" : "/lib/ld-linux-aarch64.so.1";
}

const spellings = [
  { cc: "libtensorflow_cc.so.2", framework: "libtensorflow_framework.so.2" },
  { cc: "libtensorflow_cc.2.dylib", framework: "libtensorflow_framework.2.dylib" },
];

/** Finds both shared objects in a folder of the user's: the folder itself, or an installed Python package's parent. */
function inFolder(dir: string): Library {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new LibraryNotFoundError(`LIBTENSORFLOW_DIR names ${dir}, which is not a folder.`, howToFix, { path: dir });
  const places = [dir, join(dir, "tensorflow"), join(dir, "lib")];
  for (const place of places)
    for (const names of spellings) {
      const [cc, framework] = [join(place, names.cc), join(place, names.framework)];
      if (existsSync(cc) && existsSync(framework))
        return { dir: place, cc, framework, version: undefined, source: "environment" };
    }
  const looked = spellings.find(({ cc }) => cc.endsWith(process.platform === "darwin" ? ".dylib" : ".so.2"));
  if (
    places.some((place) => existsSync(join(place, "libtensorflow.so.2")) || existsSync(join(place, "libtensorflow.so")))
  )
    throw new WrongLibraryError(
      `LIBTENSORFLOW_DIR names ${dir}, which holds the C library of TensorFlow 2.18 or older (libtensorflow.so).`,
      "Unset LIBTENSORFLOW_DIR to have the right one fetched, or name the `tensorflow` folder of the Python package 2.21.",
      { path: dir },
    );
  throw new LibraryNotFoundError(
    `LIBTENSORFLOW_DIR names ${dir}; ${looked?.cc} and ${looked?.framework} were looked for in ${places.join(", ")} and not found.`,
    howToFix,
    { path: dir },
  );
}

const howToFix =
  "Name a folder that holds both (the `tensorflow` folder of the installed Python package does), or unset it to have them fetched.";

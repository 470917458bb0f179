#!/usr/bin/env node
import { LibraryError } from "./errors.ts";
import { ensureLibrary, locateLibrary } from "./locate.ts";

const help = `tfjs-libtensorflow: gets and finds TensorFlow's library, which this package runs on

usage:
  tfjs-libtensorflow fetch [--gpu | --cpu]   fetch it into the cache unless it is there; prints its folder
  tfjs-libtensorflow where [--gpu | --cpu]   print the folder that would be used, without fetching
  options: --json   print {dir, cc, framework, version, source}

environment:
  LIBTENSORFLOW_DIR   use the library in this folder
  LIBTENSORFLOW_GPU   1 or 0: the build with CUDA 12, or the one without (default: as there is an NVIDIA driver)
  XDG_CACHE_HOME      where the cache lies (default ~/.cache)
  pip's and uv's own settings (index, proxy, certificates) apply to what is fetched
`;

const known = new Set(["--gpu", "--cpu", "--json"]);

async function main(args: readonly string[]): Promise<number> {
  const [command, ...options] = args;
  if (command === undefined || args.some((word) => ["--help", "-h", "help"].includes(word))) {
    process.stdout.write(help);
    return 0;
  }
  const wrong = [
    ...(["fetch", "where"].includes(command) ? [] : [command]),
    ...options.filter((word) => !known.has(word)),
  ];
  if (wrong.length > 0 || (options.includes("--gpu") && options.includes("--cpu"))) {
    const what = wrong.length > 0 ? `does not know ${wrong.join(", ")}` : "takes one of --gpu and --cpu";
    process.stderr.write(`tfjs-libtensorflow: ${what}; see tfjs-libtensorflow --help.\n`);
    return 64;
  }
  const build = options.includes("--gpu") ? { gpu: true } : options.includes("--cpu") ? { gpu: false } : {};
  const library = command === "fetch" ? await ensureLibrary(build) : locateLibrary(build);
  process.stdout.write(`${options.includes("--json") ? JSON.stringify(library) : library.dir}\n`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof LibraryError)) throw error;
  process.stderr.write(`tfjs-libtensorflow: ${error.message} ${error.remedy}\n`);
  process.exitCode = error.exitCode;
}

import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, release, type } from "node:os";
import { bytes } from "../table.ts";
import { type Check, missing, note, ok, onPath, says } from "./check.ts";

const supported = ["linux-x64", "linux-arm64", "darwin-arm64"];
const oldestGlibc = [2, 27] as const;
/** What the default run needs at its peak. */
const memoryBytes = 4 * 2 ** 30;

/** Operating system and processor type: TensorFlow's wheels exist for three, and need glibc on Linux. */
export function system(platform = process.platform, arch = process.arch, glibc = glibcVersion()): Check {
  const found = `${type()} ${release()} ${arch}${glibc === null ? "" : `, glibc ${glibc}`}`;
  if (!supported.includes(`${platform}-${arch}`)) {
    return missing(
      "system",
      found,
      "TensorFlow's library exists for Linux x64, Linux arm64 and macOS arm64: use one of these.",
      64,
    );
  }
  if (platform !== "linux") return ok("system", found);
  const [major = 0, minor = 0] = (glibc ?? "").split(".").map(Number);
  const fits = major > oldestGlibc[0] || (major === oldestGlibc[0] && minor >= oldestGlibc[1]);
  return fits
    ? ok("system", found)
    : missing(
        "system",
        found,
        "TensorFlow's wheels need glibc 2.27 or later: use a newer system, such as Debian 12.",
        64,
      );
}

function glibcVersion(): string | null {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime ?? null;
}

/** The processor, and which instructions it has that TensorFlow uses. */
export function processor(flags = cpuFlags()): Check {
  const model = cpus()[0]?.model.trim() || "unknown";
  if (flags === null) return ok("processor", model);
  const known = ["avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "bf16", "asimd"].filter((flag) =>
    flags.has(flag),
  );
  const found = `${model}: ${known.join(" ") || "none of the instructions that TensorFlow uses"}`;
  if (process.arch === "x64" && !flags.has("avx")) {
    return missing("processor", found, "TensorFlow's wheel needs a processor with AVX (2011 and later).", 64);
  }
  const fast = ["avx512_bf16", "amx_bf16", "bf16"].some((flag) => flags.has(flag));
  return ok("processor", `${found}; bfloat16 in ${fast ? "hardware" : "software, so that float32 is as fast"}`);
}

function cpuFlags(): ReadonlySet<string> | null {
  if (!existsSync("/proc/cpuinfo")) return null;
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
  return line === undefined ? null : new Set(line.split(" "));
}

/** Cores this process may use. */
export function cores(count = availableParallelism()): Check {
  const found = `${count}`;
  return count > 1 ? ok("cores", found) : note("cores", found, "With one core a run takes about twice the time.");
}

/** Memory that is free for this process, limits of a container among it. */
export function memory(available = process.availableMemory()): Check {
  const found = `${bytes(available)} free`;
  return available >= memoryBytes
    ? ok("memory", found)
    : note("memory", found, "The default run takes up to 4 GB: close other programs if it ends with exit code 137.");
}

/** Graphics processor with its driver. */
export async function gpu(env: NodeJS.ProcessEnv): Promise<Check> {
  const named = await says("nvidia-smi", ["--query-gpu=name,driver_version", "--format=csv,noheader"], env);
  if (named !== null && named !== "") return ok("NVIDIA driver", named.replaceAll("\n", "; "));
  const version = "/proc/driver/nvidia/version";
  if (existsSync(version)) return ok("NVIDIA driver", readFileSync(version, "utf8").split("\n")[0] ?? "");
  return ok("NVIDIA driver", "none; the processor is used");
}

const browsers = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const macBrowser = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/** A browser for the report's own tests. */
export function chromium(env: NodeJS.ProcessEnv): Check {
  const found =
    browsers.map((name) => onPath(name, env)).find((path) => path !== null) ??
    (existsSync(macBrowser) ? macBrowser : undefined);
  if (found !== undefined) return ok("Chromium", found);
  return note(
    "Chromium",
    "none",
    "Only `./peco test --group browser` needs it: install your system's package chromium.",
  );
}

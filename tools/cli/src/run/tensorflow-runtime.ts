import { execFileSync } from "node:child_process";
import { locateLibrary } from "tfjs-libtensorflow/library";
import { z } from "zod";

/** What stages compute with: TensorFlow's library as it is found here, and the devices that it reports. */
export interface TensorflowRuntime {
  readonly version: string;
  /** `cpu` or `cuda12` of the libraries that are fetched; of a folder of the user's only that it is one. */
  readonly build: string;
  /** As TensorFlow names them: `CPU:0`, `GPU:0`. */
  readonly devices: readonly string[];
  /** Models and drivers of graphics processors, as their driver names them; null where TensorFlow reports none. */
  readonly accelerator: string | null;
}

const said = z.object({ version: z.string(), devices: z.array(z.string()) });
let known: TensorflowRuntime | undefined;

/**
 * The library and devices of this machine; null where there is no library yet, or it cannot be started. Asked once, in a process that
 * ends at once: TensorFlow keeps its memory, and that of a graphics processor, as long as its process lives.
 */
export function tensorflowRuntime(): TensorflowRuntime | null {
  try {
    known ??= ask();
    return known;
  } catch {
    // a run says by itself, with what to do, why its stages cannot start
    return null;
  }
}

function ask(): TensorflowRuntime {
  const { source } = locateLibrary();
  const { version, devices } = said.parse(
    JSON.parse(outputOf(process.execPath, [`${import.meta.dirname}/say-runtime.ts`])),
  );
  return {
    version,
    build: source === "environment" ? "of LIBTENSORFLOW_DIR" : source,
    devices,
    accelerator: devices.some((name) => name.startsWith("GPU")) ? graphicsProcessors() : null,
  };
}

function graphicsProcessors(): string {
  try {
    const lines = outputOf("nvidia-smi", ["--query-gpu=name,driver_version", "--format=csv,noheader"]);
    return lines.trim().replaceAll("\n", "; ");
  } catch {
    return "unknown: nvidia-smi says nothing";
  }
}

function outputOf(program: string, words: readonly string[]): string {
  return execFileSync(program, words, { encoding: "utf8", timeout: 60_000, stdio: ["ignore", "pipe", "ignore"] });
}

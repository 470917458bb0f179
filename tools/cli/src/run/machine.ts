import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { checkout } from "../checkout.ts";
import { tensorflowRuntime } from "./tensorflow-runtime.ts";

/** Where a run takes place, for its record. */
export function machine(): { system: string; processor: string; cores: number; memoryBytes: number } {
  const processors = cpus();
  return {
    system: `${type()} ${release()} ${process.arch}`,
    processor: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
  };
}

/**
 * The programs and libraries that decide results, with their versions, and the devices that they compute on, for a run's record.
 *
 * @param tensorflow version of TensorFlow's library; null where nothing is computed with it
 */
export function software(tensorflow: string | null): Record<string, string | boolean | null> {
  const version = (name: string): string =>
    (JSON.parse(readFileSync(`${checkout}/node_modules/${name}/package.json`, "utf8")) as { version: string }).version;
  return {
    ...revision(),
    node: process.versions.node,
    ...(tensorflow === null ? {} : { tensorflow, ...runtimeFacts() }),
    tfjs: version("@tensorflow/tfjs-core"),
    sharp: version("sharp"),
    koffi: version("koffi"),
  };
}

/** The library's build and its devices, where it can be asked. */
function runtimeFacts(): Record<string, string> {
  const runtime = tensorflowRuntime();
  if (runtime === null) return {};
  const { build, devices, accelerator } = runtime;
  return { tensorflowBuild: build, devices: devices.join(", "), ...(accelerator === null ? {} : { accelerator }) };
}

/** Which code this is: the checkout's revision, whether files differ from it, and the hash of the lock file. */
export function revision(): { revision: string | null; changed: boolean; lockfile: string } {
  const lockfile = createHash("sha256")
    .update(readFileSync(`${checkout}/package-lock.json`))
    .digest("hex");
  try {
    const git = (...words: string[]) =>
      execFileSync("git", words, { cwd: checkout, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    const status = git("status", "--porcelain", "--untracked-files=no");
    return { revision: git("rev-parse", "HEAD"), changed: status !== "", lockfile };
  } catch {
    return { revision: null, changed: false, lockfile };
  }
}

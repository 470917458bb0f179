import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { checkout } from "../checkout.ts";

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

/** The programs and libraries that decide results, with their versions, for a run's record. */
export function software(tensorflow: string | null): Record<string, string> {
  const version = (name: string): string =>
    (JSON.parse(readFileSync(`${checkout}/node_modules/${name}/package.json`, "utf8")) as { version: string }).version;
  return {
    node: process.versions.node,
    ...(tensorflow === null ? {} : { tensorflow }),
    tfjs: version("@tensorflow/tfjs-core"),
    sharp: version("sharp"),
    koffi: version("koffi"),
  };
}

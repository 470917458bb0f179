import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { promisify } from "node:util";
import type { ProcessIdentity } from "./schemas.ts";

/** This process, as others can recognise it. */
export async function thisProcess(): Promise<ProcessIdentity> {
  const started = await startOf(process.pid);
  return { pid: process.pid, started: started ?? "unknown", host: await thisHost() };
}

/**
 * Whether a process still runs. `unknown` when it belongs to another host, or to another container of this one:
 * its number says nothing here.
 */
export async function stateOf(identity: ProcessIdentity): Promise<"running" | "gone" | "unknown"> {
  if (identity.host !== (await thisHost())) return "unknown";
  return (await startOf(identity.pid)) === identity.started ? "running" : "gone";
}

async function thisHost(): Promise<string> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  const namespace = await readlink("/proc/self/ns/pid").catch(() => "");
  return [hostname(), boot.trim(), namespace].filter((part) => part !== "").join(" ");
}

/** When a process started, or null when there is none: clock ticks since boot on Linux, a date elsewhere. */
async function startOf(pid: number): Promise<string | null> {
  if (process.platform === "linux") {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
    if (stat === null) return null;
    // the name, second, may hold spaces and brackets; state is the third field, start the 22nd
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  }
  const listed = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)]).catch(() => null);
  return listed?.stdout.trim() || null;
}

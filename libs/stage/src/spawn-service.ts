import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type Endpoint, RemoteFailure } from "@peco/rpc";
import { ServiceNotStarted } from "./errors.ts";
import { endWithinMs } from "./process-end.ts";
import { type ReadyLine, readyLine, tokenVariable, withParentFlag } from "./service-protocol.ts";

/** How a service's process is started. */
export interface SpawnOptions {
  /** Such as `pretrainer`, for messages. */
  readonly name: string;
  /** The service's `src/main.ts`. */
  readonly main: string | URL;
  /** More words for `serve`, such as `--store DIR`. */
  readonly args?: readonly string[];
  /** Added to this process's environment and to the size of libuv's thread pool. */
  readonly env?: Readonly<Record<string, string>>;
  /** Hears every line that the service writes to standard error. */
  readonly onLog: (line: string) => void;
  /** @default 60 000 */
  readonly readyTimeoutMs?: number;
  /** Where an earlier process listened, for one that takes its place. */
  readonly at?: { readonly port: number; readonly token: string };
}

/** How a process ended: its exit code, or the signal that killed it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A service in a process of its own, in its own process group. */
export interface SpawnedService extends Endpoint {
  readonly pid: number;
  readonly port: number;
  readonly exited: Promise<Exit>;
  /** Asks it to write its checkpoints and end; kills the group when it takes too long. */
  stop(graceMs?: number): Promise<Exit>;
  /** Kills the group at once. */
  kill(): void;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Starts a service and waits until it can be called. It ends by itself when this process is gone, whatever ended it:
 * its standard input is a pipe that only this process holds. A Ctrl-C in the terminal does not reach it.
 *
 * @throws RemoteFailure when it says why it cannot start, such as a port in use
 * @throws ServiceNotStarted
 */
export async function spawnService(options: SpawnOptions): Promise<SpawnedService> {
  const { name, readyTimeoutMs = 60_000 } = options;
  const child = start(options);
  createInterface({ input: child.stderr }).on("line", options.onLog);
  const exited = new Promise<Exit>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const kill = () => killGroup(child.pid);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ServiceNotStarted(name, `it was not ready after ${readyTimeoutMs / 1000} s`)),
      readyTimeoutMs,
    );
  });
  try {
    const { address, port, token } = await Promise.race([ready(name, child, exited), late]);
    return {
      address,
      port,
      token,
      pid: child.pid as number,
      exited,
      kill,
      stop: (graceMs = endWithinMs) => stop(child, exited, graceMs),
    };
  } catch (error) {
    kill();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function start({ main, args = [], env, at }: SpawnOptions): Child {
  const file = typeof main === "string" ? main : fileURLToPath(main);
  const where = at === undefined ? [] : ["--port", String(at.port)];
  const child = spawn(process.execPath, [file, "serve", withParentFlag, ...where, ...args], {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      UV_THREADPOOL_SIZE: String(poolThreads(availableParallelism())),
      ...process.env,
      ...env,
      ...(at === undefined ? {} : { [tokenVariable]: at.token }),
    },
  });
  // the pipe breaks when the service dies, which `exited` tells
  child.stdin.on("error", () => {});
  return child;
}

/**
 * Threads of a service's libuv pool: pictures are decoded there whatever worker thread asks for it, and the pool is shared by the
 * whole process, so that libuv's 4 would be all that decode at once. As many as the worker threads that make batches of picture files.
 */
export function poolThreads(cores: number): number {
  return Math.max(4, Math.min(16, cores));
}

async function ready(
  name: string,
  child: Child,
  exited: Promise<Exit>,
): Promise<Extract<ReadyLine, { address: string }>> {
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (error) => reject(new ServiceNotStarted(name, error.message)));
  });
  const lines = createInterface({ input: child.stdout });
  const first = once(lines, "line").then(([line]) => line as string);
  const line = await Promise.race([first, failed, exited.then((exit) => `it ended ${describeExit(exit)}`)]);
  const parsed = readyLine.safeParse(json(line));
  if (!parsed.success) throw new ServiceNotStarted(name, line);
  if ("failure" in parsed.data) throw new RemoteFailure(parsed.data.failure);
  return parsed.data;
}

async function stop(child: Child, exited: Promise<Exit>, graceMs: number): Promise<Exit> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => killGroup(child.pid), graceMs);
  const exit = await exited;
  clearTimeout(timer);
  // what the service itself may have left
  killGroup(child.pid);
  return exit;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // the group has ended
  }
}

/** How a process ended, in words. */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `with exit code ${code}` : `killed by ${signal}`;
}

function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

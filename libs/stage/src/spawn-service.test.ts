import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { poolThreads, spawnService } from "./spawn-service.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-spawn-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** The size of libuv's pool that a service's process is told; what it says instead of where it listens comes back in the failure. */
async function toldPool(env: Record<string, string> = {}): Promise<string> {
  const main = join(folder, "main.mjs");
  await writeFile(main, 'console.log("a pool of", process.env.UV_THREADPOOL_SIZE)');
  const failure = await spawnService({ name: "toy", main, env, onLog: () => {} }).catch((error: Error) => error);
  return failure instanceof Error ? (failure.message.match(/a pool of (.*)/)?.[1] ?? failure.message) : "a service";
}

describe("libuv's thread pool of a spawned service", () => {
  it("has as many threads as there are cores, 4 to 16, since pictures are decoded there", async () => {
    vi.stubEnv("UV_THREADPOOL_SIZE", undefined);
    expect(await toldPool()).toBe(String(poolThreads(availableParallelism())));
    expect([1, 4, 8, 16, 64].map(poolThreads)).toEqual([4, 4, 8, 16, 16]);
  });

  it("keeps the size that is set, by the caller before the environment", async () => {
    vi.stubEnv("UV_THREADPOOL_SIZE", "3");
    expect(await toldPool()).toBe("3");
    expect(await toldPool({ UV_THREADPOOL_SIZE: "9" })).toBe("9");
  });
});

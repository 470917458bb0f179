import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../test/temporary-store.ts";
import { collect } from "./garbage.ts";
import { digestOf } from "./sha256.ts";
import { Store } from "./store.ts";
import { verify } from "./verify.ts";

const writer = join(import.meta.dirname, "../test/writer.ts");

/** Many processes start, and each write waits for the disk, which others may use. */
const timeout = 300_000;

interface Life {
  readonly from: number;
  readonly problems: unknown[];
  /** The last step whose save returned. */
  readonly saved: number;
  readonly finished: string | null;
}

interface Kill {
  readonly operation?: number;
  readonly afterMs?: number;
}

/** Runs the writer until it ends or is killed: at one of its operations, or some time after its first save. */
async function live(folder: string, stage: string, steps: number, kill: Kill): Promise<Life> {
  const words = [
    writer,
    folder,
    stage,
    String(steps),
    ...(kill.operation === undefined ? [] : [String(kill.operation)]),
  ];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  let life: Life = { from: 0, problems: [], saved: 0, finished: null };
  for await (const line of createInterface({ input: child.stdout })) {
    life = { ...life, ...(JSON.parse(line) as Partial<Life>) };
    if (kill.afterMs !== undefined && life.saved === life.from + 1)
      void sleep(kill.afterMs).then(() => child.kill("SIGKILL"));
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  expect([code, signal]).toEqual(life.finished !== null && signal === null ? [0, null] : [null, "SIGKILL"]);
  return life;
}

/** What must hold after any kill. */
async function check(folder: string, stage: string, lives: readonly Life[]): Promise<void> {
  const store = await Store.open(folder);
  expect((await verify(store, "all")).damage).toEqual([]);
  const key = digestOf({ stage });
  const result = await store.result(key);
  // where a life began was reached by the one before, even if that one died before it could say so
  const reached = Math.max(0, ...lives.flatMap(({ from, saved }) => [from, saved]));
  if (result.state !== "hit") {
    expect(result).toEqual({ state: "absent" });
    const checkpoint = await store.checkpoints(key).latest((problem) => expect.unreachable(problem.message));
    const step = checkpoint?.step ?? 0;
    // a save that returned is never lost; one more may have got through before the kill
    expect([reached, reached + 1]).toContain(step);
    if (checkpoint !== null) {
      expect(new Set(checkpoint.blobs["state"])).toEqual(new Set([step]));
      expect(JSON.parse(Buffer.from(checkpoint.blobs["history"] as Uint8Array).toString())).toEqual({ step });
    }
  }
  // nobody has to wait for the dead
  await (await store.lease(key, "the test")).release();
}

/** Starts the writer again after each kill until it has finished; the artifact that it made. */
async function untilFinished(folder: string, stage: string, steps: number, kills: readonly Kill[]): Promise<string> {
  const lives: Life[] = [];
  for (const kill of [...kills, {}]) {
    const life = await live(folder, stage, steps, kill);
    expect(life.problems).toEqual([]);
    lives.push(life);
    await check(folder, stage, lives);
    if (life.finished !== null) return life.finished;
  }
  return expect.unreachable("it was left alone and did not finish");
}

describe("a writer killed", () => {
  it("before any of its operations on the store leaves only what is whole", { timeout }, async () => {
    const made = new Set<string>();
    let operation = 0;
    for (let survived = false; !survived; operation += 2) {
      const folder = temporaryFolder();
      const stage = `killed at ${operation}`;
      const lives = [await live(folder, stage, 2, { operation })];
      survived = lives[0]?.finished !== null;
      await check(folder, stage, lives);
      made.add(await untilFinished(folder, stage, 2, []));
    }
    // lease, two saves with their heartbeats, blob, manifest, result, what is taken away, release
    expect(operation).toBeGreaterThan(2 * 18);
    expect(made.size).toBe(operation / 2);
  });

  it("again and again at seeded moments ends in the same artifact, and nothing is left over", { timeout }, async () => {
    const moments = fc.sample(
      fc.oneof(
        fc.record({ operation: fc.integer({ min: 3, max: 60 }) }),
        fc.record({ afterMs: fc.integer({ min: 0, max: 40 }) }),
      ),
      { numRuns: 20, seed: 7 },
    );
    const folder = temporaryFolder();
    const digests: string[] = [];
    for (const i of [0, 1])
      digests.push(await untilFinished(folder, `stage ${i}`, 30, moments.slice(i * 10, i * 10 + 10)));
    const undisturbed = temporaryFolder();
    for (const i of [0, 1]) expect((await live(undisturbed, `stage ${i}`, 30, {})).finished).toBe(digests[i]);

    const store = await Store.open(folder);
    await collect(store, { graceMs: -1000 });
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
    for (const place of ["leases", "checkpoints"]) {
      expect((await store.backend.list(place)).filter(({ bytes }) => bytes > 0)).toEqual([]);
    }
    expect(await store.artifacts()).toHaveLength(2);
    expect((await verify(store, "all")).damage).toEqual([]);
  });
});

describe("a writer that works while garbage is collected", () => {
  it("loses nothing, killed in between or not", { timeout }, async () => {
    const folder = temporaryFolder();
    const store = await Store.open(folder, { create: true });
    const useless = await store.putBlob(new Uint8Array(100));
    utimesSync(store.blobPath(useless.digest), 1, 1);
    let working = true;
    const collecting = (async () => {
      let rounds = 0;
      for (; working; rounds++) await collect(store, { graceMs: 10_000, checkpoints: true });
      return rounds;
    })();
    const stages = ["first", "second", "third"];
    const kills: Kill[][] = [[], [{ operation: 21 }], [{ afterMs: 15 }]];
    const lives = stages.map((stage, i) => untilFinished(folder, stage, 20, kills[i] ?? []));
    await Promise.all(lives);
    working = false;
    expect(await collecting).toBeGreaterThan(1);
    for (const stage of stages) expect(await store.result(digestOf({ stage }))).toMatchObject({ state: "hit" });
    expect((await verify(store, "all")).damage).toEqual([]);
    await expect(store.getBlob(useless.digest)).rejects.toThrow("is not in the store");
  });
});

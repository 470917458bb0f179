import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bytesOf, temporaryStore } from "../test/temporary-store.ts";
import { type CheckpointProblem, Checkpoints } from "./checkpoints.ts";
import { LeaseLost } from "./errors.ts";

const key = "a".repeat(64);
const content = (step: number) => ({
  step,
  blobs: { state: bytesOf(`state ${step}`), same: bytesOf("same") },
  meta: { step },
});
const never = (problem: CheckpointProblem) => expect.unreachable(problem.message);

async function withCheckpoints(steps: number[]) {
  const { store, folder } = await temporaryStore();
  const checkpoints = store.checkpoints(key);
  const digests: string[] = [];
  for (const step of steps) digests.push(await checkpoints.save(content(step)));
  const own = join(folder, "checkpoints", key);
  return { store, folder, own, checkpoints, digests };
}

describe("checkpoints", () => {
  it("give the newest back, whole, to another process", async () => {
    const { store, digests } = await withCheckpoints([0, 10, 20]);
    expect(await store.checkpoints(key).latest(never)).toEqual({
      digest: digests[2],
      step: 20,
      meta: { step: 20 },
      blobs: { state: bytesOf("state 20"), same: bytesOf("same") },
    });
    expect(await store.checkpoints(key).steps()).toEqual([20, 10]);
    expect(await store.checkpoints("b".repeat(64)).latest(never)).toBe(null);
  });

  it("are the last two, and no byte of the others stays", async () => {
    const { own } = await withCheckpoints([0, 10, 20, 30]);
    expect(readdirSync(join(own, "blobs"))).toHaveLength(3);
    expect(readdirSync(join(own, "manifests"))).toHaveLength(2);
  });

  it("fall back to the one before when the newest is damaged, and say so", async () => {
    const { store, own, digests } = await withCheckpoints([0, 10]);
    const damaged = join(own, "manifests", `${digests[1]}.json`);
    writeFileSync(damaged, "{}");
    const problems: CheckpointProblem[] = [];
    const again = store.checkpoints(key);
    expect((await again.latest((problem) => problems.push(problem)))?.step).toBe(0);
    expect(problems).toEqual([{ path: damaged, message: expect.stringContaining("is damaged"), earlierLeft: true }]);
    // the damaged one is not kept beside the next
    await again.save(content(11));
    expect(await store.checkpoints(key).steps()).toEqual([11, 0]);
  });

  it("fall back when a blob of the newest is missing or changed", async () => {
    for (const spoil of ["missing", "changed"]) {
      const { store, own } = await withCheckpoints([0, 10]);
      const blobs = readdirSync(join(own, "blobs"));
      const newest = await store.checkpoints(key).latest(never);
      const manifest = JSON.parse(readFileSync(join(own, "manifests", `${newest?.digest}.json`), "utf8"));
      const path = join(own, "blobs", manifest.blobs.state.digest);
      expect(blobs).toContain(manifest.blobs.state.digest);
      if (spoil === "missing") rmSync(path);
      else writeFileSync(path, "state 1O");
      const problems: CheckpointProblem[] = [];
      expect((await store.checkpoints(key).latest((problem) => problems.push(problem)))?.step).toBe(0);
      expect(problems).toMatchObject([{ path, earlierLeft: true }]);
    }
  });

  it("are none when both are damaged, said twice", async () => {
    const { store, own, digests } = await withCheckpoints([0, 10]);
    for (const digest of digests) rmSync(join(own, "manifests", `${digest}.json`));
    const problems: CheckpointProblem[] = [];
    expect(await store.checkpoints(key).latest((problem) => problems.push(problem))).toBe(null);
    expect(problems.map(({ earlierLeft }) => earlierLeft)).toEqual([true, false]);
  });

  it("take away what a killed save left", async () => {
    const { own, checkpoints } = await withCheckpoints([0, 10]);
    writeFileSync(join(own, "blobs", "f".repeat(64)), "of a checkpoint that has no manifest");
    await checkpoints.save(content(20));
    expect(readdirSync(join(own, "blobs"))).not.toContain("f".repeat(64));
  });

  it("are refused to a process that another has overtaken", async () => {
    const { store } = await withCheckpoints([0]);
    const backend = new Proxy(store.backend, {
      get: (target, name) => {
        if (name === "swapPointer") {
          return async (...words: Parameters<typeof target.swapPointer>) => {
            await new Checkpoints(target, key).save(content(5));
            return target.swapPointer(...words);
          };
        }
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    await expect(new Checkpoints(backend, key).save(content(10))).rejects.toThrow(LeaseLost);
    expect(await store.checkpoints(key).steps()).toEqual([5, 0]);
  });

  it("are gone when cleared", async () => {
    const { store, checkpoints } = await withCheckpoints([0, 10]);
    await checkpoints.clear();
    await checkpoints.clear();
    expect(await store.checkpoints(key).latest(never)).toBe(null);
    expect((await store.backend.list(`checkpoints/${key}`)).filter(({ bytes }) => bytes > 0)).toEqual([]);
  });

  it("saved twice with equal content are one", async () => {
    const { store, checkpoints } = await withCheckpoints([0, 10]);
    await checkpoints.save(content(10));
    expect(await store.checkpoints(key).steps()).toEqual([10]);
  });
});

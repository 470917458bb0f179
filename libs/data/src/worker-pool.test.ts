import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { TestJob } from "../test/pool-worker.ts";
import { WorkerPool } from "./worker-pool.ts";

const module = new URL("../test/pool-worker.ts", import.meta.url);
let pool: WorkerPool<TestJob, Uint8Array | number>;
beforeEach(() => {
  pool = new WorkerPool(module, 2);
});
afterEach(() => pool.close());

it("runs jobs on so many threads at once, and no more", async () => {
  const threads = await Promise.all(Array.from({ length: 8 }, () => pool.run({ sleep: 30 })));
  expect(new Set(threads).size).toBe(2);
});

it("hands buffers over", async () => {
  expect(await pool.run({ fill: 1000 })).toEqual(new Uint8Array(1000).fill(7));
});

it("hands on what the handler throws, and goes on", async () => {
  await expect(pool.run({ fail: "no such thing" })).rejects.toMatchObject({
    ...{ name: "BatchOptionsError", message: "no such thing", path: "p", remedy: "Mend it.", exitCode: 64 },
  });
  await expect(pool.run({ fault: "undefined is no function" })).rejects.toMatchObject({
    name: "TypeError",
    message: "undefined is no function",
  });
  expect(await pool.run({ sleep: 0 })).toBeTypeOf("number");
});

it("fails the job of a thread that ends, and gives the others to a new one", async () => {
  const all = await Promise.allSettled([
    pool.run({ exit: 3 }),
    pool.run({ throwLater: "out of the blue" }),
    pool.run({ sleep: 0 }),
    pool.run({ sleep: 0 }),
  ]);
  expect(all.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled", "fulfilled"]);
  expect((all[0] as PromiseRejectedResult).reason).toMatchObject({
    name: "WorkerFailed",
    exitCode: 70,
    message: expect.stringMatching(/it ended with code 3$/),
  });
  expect((all[1] as PromiseRejectedResult).reason.message).toMatch(/out of the blue$/);
});

it("fails everything when it is closed", async () => {
  const jobs = Promise.allSettled([1, 2, 3].map(() => pool.run({ sleep: 60_000 })));
  await pool.close();
  for (const job of await jobs) expect(job).toMatchObject({ status: "rejected", reason: { name: "WorkerFailed" } });
  await expect(pool.run({ sleep: 0 })).rejects.toMatchObject({ name: "WorkerFailed" });
});

it("lets the process end by itself, closed or not, and with a job under way not before its answer", async () => {
  const program = `
    import(${JSON.stringify(new URL("./worker-pool.ts", import.meta.url).href)}).then(({ WorkerPool }) => {
      const pool = new WorkerPool(new URL(${JSON.stringify(module.href)}), 1);
      pool.run({ sleep: 0 }).then(() => {
        setTimeout(() => pool.run({ sleep: 300 }).then(async () => {
          process.stdout.write("answered");
          await pool.close();
          process.stdout.write(" and closed");
        }));
      });
    });`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], { timeout: 20_000 });
  expect(stdout).toBe("answered and closed");
});

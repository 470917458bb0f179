import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

const PROGRAM = new URL("../test/programs/memory.ts", import.meta.url).pathname;

// The state is updated in place: a step needs less than a third of its size beside it, gradients and temporaries included.
it.each(["graph", "xla"])("a step by %s on a state of 400 MB", { timeout: 120_000 }, (compiler) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--expose-gc", PROGRAM, compiler, "50"], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  const { state, more } = JSON.parse(stdout) as { state: number; more: number };
  console.log(`${compiler}: state ${state} MB, at the peak of a step ${more.toFixed(0)} MB more`);
  expect(state).toBe(400);
  expect(more).toBeLessThan(state / 3);
});

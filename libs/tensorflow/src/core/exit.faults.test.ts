import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

const PROGRAM = new URL("../../test/programs/exit.ts", import.meta.url).pathname;

it.each([
  ["ends", 0],
  ["sets an exit code", 7],
  ["calls process.exit", 5],
  ["calls process.exit while a step runs", 6],
  ["throws", 1],
  ["rejects", 1],
  ["throws in a step", 1],
  ["catches an error of TensorFlow", 0],
  ["runs three workers", 0],
  ["terminates a worker that computes", 0],
  ["exits in a worker", 0],
])("a program that %s leaves with code %d", { timeout: 120_000 }, (what, code) => {
  const { status, signal, stderr } = spawnSync(process.execPath, [PROGRAM, what], { encoding: "utf8" });
  expect([status, signal], stderr).toEqual([code, null]);
  if (code !== 1) expect(stderr).toBe("");
});

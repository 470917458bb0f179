import { execFile } from "node:child_process";
import { expect, it } from "vitest";

const folder = new URL("./exit/", import.meta.url).pathname;

function run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: unknown; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: { ...process.env, ...env } }, (error, out, err) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), out, err }),
    );
  });
}

// Without care the library is unloaded while its threads run, which is a SIGSEGV in place of the exit code; and whether
// that happens depends on what was called before.
it.concurrent.each([
  ["loaded", "by itself", 0],
  ["loaded", "with an exit code that was set", 5],
  ["loaded", "by process.exit(3)", 3],
  ["loaded", "by an error", 1],
  ["loaded", "by an error of TensorFlow", 1],
  ["loaded", "by a rejection that nobody handles", 1],
  ["loaded", "after a compiled step", 0],
  ["loaded", "while a compiled step runs", 4],
  ["loaded", "after three worker threads", 0],
  ["loaded", "after a worker thread that called process.exit", 0],
  ["loaded", "after a worker thread that was stopped while it computed", 0],
  ["used", "by itself", 0],
  ["used", "after three worker threads", 0],
])("a program with the library %s ends %s: exit code %i", async (used, way, expected) => {
  const { code, err } = await run([`${folder}program.ts`, way, used]);
  expect(code, err).toBe(expected);
  if (expected !== 1) expect(err).toBe("");
});

it.concurrent.each([
  ["forks", "0", 0],
  ["forks", "1", 1],
  ["threads", "0", 0],
])("Vitest in %s with FAIL=%s ends with exit code %i", async (pool, fail, expected) => {
  const vitest = new URL("../../../node_modules/vitest/vitest.mjs", import.meta.url).pathname;
  const { code, out, err } = await run([vitest, "run", `--pool=${pool}`, "--root", folder], {
    FAIL: fail,
    NO_COLOR: "1",
  });
  expect(out).toContain(fail === "1" ? "Tests  1 failed" : "Tests  1 passed");
  expect(code, err).toBe(expected);
});

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

// Without care each of these is a SIGSEGV: the library would be unloaded while its threads run.
it.concurrent.each([
  ["by itself", 0],
  ["with an exit code that was set", 5],
  ["by process.exit(3)", 3],
  ["by an error", 1],
  ["by a rejection that nobody handles", 1],
  ["while a step runs", 4],
  ["after three worker threads, one after the other", 0],
  ["with a worker thread that is stopped", 0],
])("a program that loaded the library ends %s with exit code %i", async (way, expected) => {
  const { code, err } = await run([`${folder}program.ts`, way]);
  expect(code, err).toBe(expected);
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

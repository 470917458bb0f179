import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manifestName } from "./cache.ts";
import { distributionFor } from "./distribution.ts";
import { LibraryNotFoundError, UnsupportedPlatformError, WrongLibraryError } from "./errors.ts";
import { ensureLibrary, locateLibrary } from "./locate.ts";
import { hasNvidiaDriver } from "./nvidia-driver.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "locate-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), "x");
  }
}

/** A cache with one build in it, as far as sizes tell. */
function putInCache(build: "cpu" | "cuda12"): void {
  const { folder: name, cc, framework } = distributionFor(process.platform, process.arch, build);
  const at = join("cache", "tfjs-libtensorflow", name);
  put(join(at, cc), join(at, framework));
  writeFileSync(join(folder, at, manifestName), JSON.stringify({ [cc]: 1, [framework]: 1 }));
}

const names = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] as const;

describe("LIBTENSORFLOW_DIR", () => {
  const env = () => ({ LIBTENSORFLOW_DIR: folder });

  it("names the library's folder, or a Python package's", async () => {
    put(...names);
    const expected = {
      dir: folder,
      cc: join(folder, names[0]),
      framework: join(folder, names[1]),
      source: "environment",
    };
    expect(locateLibrary({ env: env() })).toMatchObject(expected);
    expect(await ensureLibrary({ env: env() })).toMatchObject(expected);
    rmSync(join(folder, names[0]));
    put(`tensorflow/${names[0]}`, `tensorflow/${names[1]}`);
    expect(locateLibrary({ env: env() }).dir).toBe(join(folder, "tensorflow"));
  });

  it("refuses a folder without it, saying what was looked for and where", () => {
    put(names[0]);
    const locate = () => locateLibrary({ env: env() });
    expect(locate).toThrow(LibraryNotFoundError);
    expect(locate).toThrow(`${names[0]} and ${names[1]} were looked for in ${folder}, ${join(folder, "tensorflow")}`);
    expect(() => locateLibrary({ env: { LIBTENSORFLOW_DIR: join(folder, "no") } })).toThrow("which is not a folder");
  });

  it("tells the old C library from it", () => {
    put("lib/libtensorflow.so.2");
    expect(() => locateLibrary({ env: env() })).toThrow(WrongLibraryError);
  });
});

describe("the cache", () => {
  const env = (more: NodeJS.ProcessEnv = {}) => ({ XDG_CACHE_HOME: join(folder, "cache"), ...more });

  it("says how to get the library when it is not there", () => {
    const locate = () => locateLibrary({ gpu: false, env: env() });
    expect(locate).toThrow(`${join(folder, "cache", "tfjs-libtensorflow")}`);
    try {
      locate();
    } catch (error) {
      expect(error).toMatchObject({ exitCode: 65, remedy: expect.stringContaining("npx tfjs-libtensorflow fetch") });
    }
  });

  it("gives the build that is asked for", () => {
    putInCache("cpu");
    expect(locateLibrary({ env: env({ LIBTENSORFLOW_GPU: "0" }) }).source).toBe("cpu");
    if (process.platform !== "linux" || process.arch !== "x64") return;
    expect(() => locateLibrary({ gpu: true, env: env() })).toThrow(LibraryNotFoundError);
    putInCache("cuda12");
    expect(locateLibrary({ env: env({ LIBTENSORFLOW_GPU: "1" }) }).source).toBe("cuda12");
    expect(locateLibrary({ gpu: false, env: env({ LIBTENSORFLOW_GPU: "1" }) }).source).toBe("cpu");
  });

  it("has no build for some platforms", () => {
    expect(() => distributionFor("win32", "x64", "cpu")).toThrow(UnsupportedPlatformError);
    expect(() => distributionFor("darwin", "arm64", "cuda12")).toThrow("no CUDA 12 wheel");
    expect(distributionFor("darwin", "arm64", "cpu").cc).toMatch(/\.2\.dylib$/);
  });
});

it("sees an NVIDIA driver by its files", () => {
  expect(hasNvidiaDriver(() => false)).toBe(false);
  expect(hasNvidiaDriver((path) => path === "/proc/driver/nvidia/version")).toBe(true);
});

describe("the command line", () => {
  const cli = new URL("./cli.ts", import.meta.url).pathname;
  const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
      const settings = {
        env: { ...process.env, LIBTENSORFLOW_DIR: "", XDG_CACHE_HOME: join(folder, "cache"), ...env },
      };
      execFile(process.execPath, [cli, ...args], settings, (error, out, err) =>
        resolve({ code: error?.code ?? 0, out, err }),
      );
    });

  it("finds, in words and as JSON", async () => {
    putInCache("cpu");
    const where = await run(["where", "--cpu"]);
    expect(where).toMatchObject({ code: 0, err: "" });
    const { code, out } = await run(["where", "--cpu", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ dir: where.out.trim(), source: "cpu" });
  });

  it("ends with the error's exit code and no stack trace", async () => {
    const { code, out, err } = await run(["where", "--cpu"]);
    expect({ code, out }).toEqual({ code: 65, out: "" });
    expect(err.trim().split("\n")).toHaveLength(1);
  });

  it("has help, and refuses what it does not know", async () => {
    expect(await run(["--help"])).toMatchObject({ code: 0, out: expect.stringContaining("LIBTENSORFLOW_DIR") });
    expect(await run(["bring"])).toMatchObject({ code: 64, err: expect.stringContaining("does not know bring") });
    expect(await run(["where", "--cpu", "--gpu"])).toMatchObject({ code: 64 });
  });
});

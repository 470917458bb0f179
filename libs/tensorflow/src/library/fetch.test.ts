import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeFiles, fakeWheel, offline } from "../../test/fake-wheel.ts";
import type { Distribution } from "./distribution.ts";
import { CacheNotWritableError, DownloadError, InstallerMissingError, WheelMismatchError } from "./errors.ts";
import { fetchLibrary } from "./fetch.ts";

let folder: string;
let wheel: string;
let distribution: Distribution;
let env: NodeJS.ProcessEnv;
let lines: string[];
const cache = () => join(folder, "cache", "tfjs-libtensorflow");
const log = (line: string) => lines.push(line);
const fetched = () => fetchLibrary(distribution, { log, env, lock: { pollMs: 50, goneAfterMs: 5000 } });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fetch-"));
  ({ path: wheel, distribution } = fakeWheel(join(folder, "wheels")));
  env = offline(join(folder, "wheels"), join(folder, "cache"));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A pip that looks at nothing and copies the wheel. */
const copyWheel = 'while [ "$1" != --dest ]; do shift; done; exec /bin/cp "$PIP_FIND_LINKS"/*.whl "$2"';

/** A `pip3` that is all the PATH has. */
function onlyPip(script: string): void {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "pip3"), `#!/bin/sh\n[ "$1" = --version ] && exit 0\n${script}\n`);
  chmodSync(join(bin, "pip3"), 0o755);
  env["PATH"] = bin;
}

/** Fetches in a process of its own. */
function start(): ChildProcessWithoutNullStreams {
  const program = new URL("../../test/fetch-fake.ts", import.meta.url).pathname;
  return spawn(process.execPath, [program, join(folder, "wheels"), join(folder, "cache")], { env });
}

function race(): Promise<{ code: number; out: string; err: string }> {
  const child = start();
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  return once(child, "close").then(([code]) => ({ code, out, err }));
}

describe("fetchLibrary", () => {
  it("keeps the shared objects and nothing else, once", async () => {
    const library = await fetched();
    expect(library).toMatchObject({ version: "1.0", source: "cpu", dir: join(cache(), "1.0-cpu-fake", "tensorflow") });
    for (const [name, data] of Object.entries(fakeFiles))
      expect(readFileSync(join(cache(), "1.0-cpu-fake", name)).equals(data)).toBe(true);
    expect(readdirSync(cache(), { recursive: true }).sort()).toEqual(
      [
        "1.0-cpu-fake",
        ...["files.json", "tensorflow", ...Object.keys(fakeFiles)].map((n) => `1.0-cpu-fake/${n}`),
      ].sort(),
    );
    expect(lines[0]).toBe("fetching fake-tensorflow 1.0 with pip (1 MB, 1 MB kept)");
    lines = [];
    expect(await fetched()).toEqual(library);
    expect(lines).toEqual([]);
  });

  it("fetches once when two processes start at the same time", async () => {
    const both = await Promise.all([race(), race()]);
    for (const { code, out, err } of both) {
      expect(err).not.toContain("Error");
      expect(code).toBe(0);
      expect(out).toBe(join(cache(), "1.0-cpu-fake", "tensorflow"));
    }
    expect(both.filter(({ err }) => err.includes("fetching fake-tensorflow"))).toHaveLength(1);
    expect(readdirSync(cache())).toEqual(["1.0-cpu-fake"]);
  });

  it("takes over from a process that was killed while it fetched", async () => {
    onlyPip('while [ "$1" != --dest ]; do shift; done; : >"$2/half.whl"; exec /bin/sleep 10');
    const child = start();
    const half = () => readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith("half.whl"));
    while (!half()) await sleep(20);
    child.kill("SIGKILL");
    rmSync(join(folder, "bin"), { recursive: true });
    onlyPip(copyWheel);
    await fetched();
    expect(readdirSync(cache())).toEqual(["1.0-cpu-fake"]);
  });

  it("replaces a broken cache: a shortened file, a missing one, a damaged or missing list", async () => {
    onlyPip(copyWheel);
    const { cc, framework } = await fetched();
    const list = join(cache(), "1.0-cpu-fake", "files.json");
    const breakages = [
      () => truncateSync(cc, 10),
      () => rmSync(framework),
      () => writeFileSync(list, "{"),
      () => writeFileSync(list, "{}"),
    ];
    for (const damage of breakages) {
      damage();
      const again = await fetched();
      expect(readFileSync(again.cc).length).toBe(300_000);
      expect(existsSync(framework)).toBe(true);
    }
    expect(lines.filter((line) => line.includes("is ready"))).toHaveLength(1 + breakages.length);
    expect(readdirSync(cache())).toEqual(["1.0-cpu-fake"]);
  });

  const refusals = { exitCode: 76, remedy: expect.stringContaining("index or mirror") };
  it("refuses a wheel with another hash, as pip finds it", async () => {
    writeFileSync(wheel, Buffer.concat([readFileSync(wheel), Buffer.from("\0")]));
    const failure = fetched();
    await expect(failure).rejects.toThrow(/SHA-256 differs.*Expected sha256/);
    await expect(failure).rejects.toMatchObject(refusals);
    expect(readdirSync(cache())).toEqual([]);
  });

  it("refuses a wheel with another hash by itself, should the installer not look", async () => {
    onlyPip(copyWheel);
    await expect(fetched()).resolves.toBeDefined();
    rmSync(cache(), { recursive: true });
    truncateSync(wheel, 2000);
    const failure = fetched();
    await expect(failure).rejects.toThrow(/SHA-256 [0-9a-f]{64} \(2000 bytes\) instead of [0-9a-f]{64}/);
    await expect(failure).rejects.toBeInstanceOf(WheelMismatchError);
    expect(readdirSync(cache())).toEqual([]);
  });

  it("refuses a truncated wheel", async () => {
    truncateSync(wheel, 2000);
    await expect(fetched()).rejects.toMatchObject(refusals);
    expect(readdirSync(cache())).toEqual([]);
  });

  it("says what to install when there is neither pip nor uv", async () => {
    env["PATH"] = folder;
    const failure = fetched();
    await expect(failure).rejects.toBeInstanceOf(InstallerMissingError);
    await expect(failure).rejects.toMatchObject({ exitCode: 64, remedy: expect.stringContaining("Python 3 with pip") });
  });

  it("says that the index was not reached", async () => {
    delete env["PIP_NO_INDEX"];
    Object.assign(env, { PIP_FIND_LINKS: "", PIP_INDEX_URL: "http://127.0.0.1:9/simple", PIP_RETRIES: "1" });
    const failure = fetched();
    await expect(failure).rejects.toThrow("could not be reached");
    await expect(failure).rejects.toMatchObject({ exitCode: 75, remedy: expect.stringContaining("network") });
  });

  it("says that the index does not have the version", async () => {
    rmSync(wheel);
    const failure = fetched();
    await expect(failure).rejects.toThrow(/fake-tensorflow 1.0 could not be fetched.*No matching distribution/);
    await expect(failure).rejects.toBeInstanceOf(DownloadError);
  });

  it("looks at the free space before it fetches", async () => {
    const [only] = distribution.wheels;
    if (only === undefined) throw new Error("a distribution has a wheel");
    distribution = { ...distribution, wheels: [{ ...only, keptBytes: 1e16 }] };
    const failure = fetched();
    await expect(failure).rejects.toThrow(/has \d+ MB free, and fetching TensorFlow takes 10000000051 MB/);
    await expect(failure).rejects.toMatchObject({ exitCode: 73, path: cache() });
    expect(lines).toEqual([]);
  });

  it("says that the disk filled up, as pip saw it", async () => {
    onlyPip(
      'echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device" >&2; exit 1',
    );
    await expect(fetched()).rejects.toMatchObject({ exitCode: 73, message: expect.stringContaining("disk filled up") });
    expect(readdirSync(cache())).toEqual([]);
  });

  it("says that the cache can't be written", async () => {
    writeFileSync(join(folder, "cache"), "a file where a folder should be");
    const failure = fetched();
    await expect(failure).rejects.toBeInstanceOf(CacheNotWritableError);
    await expect(failure).rejects.toMatchObject({ exitCode: 73, message: expect.stringContaining("can't be written") });
  });
});

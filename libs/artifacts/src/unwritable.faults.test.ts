import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { bytesOf, temporaryFolder, temporaryStore } from "../test/temporary-store.ts";

const script = join(import.meta.dirname, "../test/attempt.ts");
const node = process.execPath;

/** What somebody meets who is bound by permissions: the superuser gives up the right to pass over them. */
function attempt(folder: string, what: string): Record<string, unknown> {
  const bound = process.getuid?.() === 0 ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] : [];
  const [command = node, ...words] = [...bound, node, script, folder, what];
  return JSON.parse(execFileSync(command, words, { encoding: "utf8" }));
}

/** The same on a small disk of its own, in a mount namespace; null where the system allows none. */
const mounts = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
function onSmallDisk(commands: string): Record<string, unknown> {
  const output = execFileSync(
    "unshare",
    [
      "-rm",
      "sh",
      "-ec",
      `mount -t tmpfs -o size=2m none /mnt; attempt() { "$0" "$1" /mnt/store "$2"; }; ${commands}`,
      node,
      script,
    ],
    {
      encoding: "utf8",
    },
  );
  return JSON.parse(output.trim().split("\n").at(-1) ?? "");
}

/** Takes rights from a folder and all in it until the test ends. */
function forbid(folder: string, mode: number): void {
  const folders = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const each of [...folders.map((entry) => join(entry.parentPath, entry.name)), folder]) {
    chmodSync(each, mode);
    onTestFinished(() => chmodSync(each, 0o755));
  }
}

describe("a store that may not be written", () => {
  it("is refused at the start with exit code 73, the path and what to do, and left as it was", async () => {
    const { store, folder } = await temporaryStore();
    await store.putBlob(bytesOf("x"));
    const before = readdirSync(folder, { recursive: true }).sort();
    forbid(folder, 0o555);
    expect(attempt(folder, "create")).toMatchObject({
      name: "StoreNotWritable",
      exitCode: 73,
      message: expect.stringContaining(`cannot write ${folder}`),
      remedy: expect.stringContaining("--store DIR"),
    });
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
  });

  it("can be read all the same", async () => {
    const { store, folder } = await temporaryStore();
    await store.publish({ kind: "k", blobs: { b: await store.putBlob(bytesOf("x")) }, inputs: {}, meta: {} });
    forbid(folder, 0o555);
    expect(attempt(folder, "read")).toEqual({ objects: 2 });
  });

  it("that may not even be looked into is refused with exit code 65", () => {
    const folder = temporaryFolder();
    forbid(folder, 0o000);
    expect(attempt(folder, "open")).toMatchObject({ name: "StoreNotReadable", exitCode: 65 });
  });

  it("cannot be made in a folder without the right to", () => {
    const folder = temporaryFolder();
    forbid(folder, 0o555);
    expect(attempt(join(folder, "store"), "create")).toMatchObject({ name: "StoreNotWritable", exitCode: 73 });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe.skipIf(!mounts)("a disk of its own", () => {
  it("that is full ends the write with exit code 73, and leaves no half of it", () => {
    expect(onSmallDisk('attempt "$1" create; attempt "$1" fill')).toMatchObject({
      name: "StoreFull",
      exitCode: 73,
      message: expect.stringContaining("no space left to write /mnt/store"),
      remedy: expect.stringContaining("peco clean"),
    });
    expect(
      onSmallDisk(
        'attempt "$1" create; attempt "$1" fill >/dev/null; find /mnt/store/tmp /mnt/store/blobs -type f 2>/dev/null | grep . && exit 1; attempt "$1" read',
      ),
    ).toEqual({
      objects: 0,
    });
  });

  it("that is full already is refused at the start", () => {
    expect(
      onSmallDisk('attempt "$1" create; cp /dev/zero /mnt/zero 2>/dev/null || true; attempt "$1" create'),
    ).toMatchObject({ name: "StoreFull" });
  });

  it("that is read-only is refused at the start with exit code 73", () => {
    expect(onSmallDisk('attempt "$1" create; mount -o remount,ro /mnt; attempt "$1" create')).toMatchObject({
      name: "StoreNotWritable",
      exitCode: 73,
      message: expect.stringContaining("EROFS"),
    });
    expect(onSmallDisk('attempt "$1" create; mount -o remount,ro /mnt; attempt "$1" read')).toEqual({ objects: 0 });
  });
});

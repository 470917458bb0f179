import { mkdir, mkdtemp, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identifyFolder } from "./identify-folder.ts";

let root: string;
let memory: string;
const old = new Date(2020, 1, 1);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "peco-identify-"));
  memory = `${root}.memory/files.json`;
  for (const name of ["a/1.jpg", "a/2.jpg", "b/3.jpg"]) await put(name, `bytes of ${name}`);
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
  await rm(`${root}.memory`, { recursive: true, force: true });
});

async function put(name: string, content: string, time = old): Promise<void> {
  await mkdir(join(root, name, ".."), { recursive: true });
  await writeFile(join(root, name), content);
  await utimes(join(root, name), time, time);
}

describe("identifyFolder", () => {
  it("identifies names and contents, not the place or the times", async () => {
    const { digest, files } = await identifyFolder(root, { memory });
    expect(files.map(({ hash }) => hash?.length)).toEqual([64, 64, 64]);
    await utimes(join(root, "a/1.jpg"), new Date(), new Date());
    await rename(root, `${root}.memory/moved`);
    expect((await identifyFolder(`${root}.memory/moved`, { memory: null })).digest).toBe(digest);
    await rename(`${root}.memory/moved/a/1.jpg`, `${root}.memory/moved/a/9.jpg`);
    expect((await identifyFolder(`${root}.memory/moved`, { memory: null })).digest).not.toBe(digest);
  });

  it("reads again only what is new or changed", async () => {
    const first = await identifyFolder(root, { memory });
    expect(first.read).toBe(3);
    expect((await identifyFolder(root, { memory })).read).toBe(0);
    await put("b/4.jpg", "new");
    await put("a/1.jpg", "other");
    const second = await identifyFolder(root, { memory });
    expect(second.read).toBe(2);
    expect(second.digest).not.toBe(first.digest);
    expect(second.digest).toBe((await identifyFolder(root, { memory: null })).digest);
    await rm(join(root, "b/4.jpg"));
    await put("a/1.jpg", "bytes of a/1.jpg", new Date(2021, 1, 1));
    expect((await identifyFolder(root, { memory })).digest).toBe(first.digest);
  });

  it("sees a change that kept size and time of change", async () => {
    const { digest } = await identifyFolder(root, { memory });
    await put("a/1.jpg", "BYTES of a/1.jpg");
    const again = await identifyFolder(root, { memory });
    expect([again.read, again.digest === digest]).toEqual([1, false]);
  });

  it("does not trust a file that changed a moment ago", async () => {
    await put("a/1.jpg", "just now", new Date());
    await identifyFolder(root, { memory });
    expect((await identifyFolder(root, { memory })).read).toBe(1);
  });

  it("does without its memory when that is damaged or cannot be written", async () => {
    await identifyFolder(root, { memory });
    await writeFile(memory, (await readFile(memory, "utf8")).slice(0, -20));
    expect((await identifyFolder(root, { memory })).read).toBe(3);
    expect((await identifyFolder(root, { memory: join(root, "a/1.jpg/no") })).read).toBe(3);
  });

  it.runIf(process.platform === "linux")("names a file that cannot be read and goes on", async () => {
    // a file that can be found and opened, but not read, even by root
    await symlink("/proc/self/mem", join(root, "b/4.jpg"));
    const { files } = await identifyFolder(root, { memory });
    expect(files.at(-1)).toMatchObject({
      name: "b/4.jpg",
      hash: null,
      problem: expect.stringMatching(/^cannot be read \(E[A-Z]+\)$/),
    });
  });

  it("stops when it is told to", async () => {
    await expect(identifyFolder(root, { memory, signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});

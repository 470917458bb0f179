import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { bytesOf, temporaryFolder } from "../test/temporary-store.ts";
import { FolderBackend } from "./folder-backend.ts";
import { sha256 } from "./sha256.ts";

// a moment at which a process can be put to sleep
const pause = vi.hoisted(() => ({ beforeLink: () => {} }));
vi.mock("./atomic-file.ts", async (original) => {
  const real = await original<typeof import("./atomic-file.ts")>();
  const linkInto: typeof real.linkInto = (...words) => {
    pause.beforeLink();
    pause.beforeLink = () => {};
    return real.linkInto(...words);
  };
  return { ...real, linkInto };
});

const blob = (digest: string) => `blobs/${digest}`;
const text = (bytes: Uint8Array | null | undefined) => (bytes == null ? null : new TextDecoder().decode(bytes));

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("objects", () => {
  it("come back as they were put, from bytes and from a stream", async () => {
    const backend = new FolderBackend(temporaryFolder());
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 999 }), async (bytes, size) => {
        const put = await backend.putContent(bytes, blob);
        expect(put).toEqual({ digest: sha256(bytes), bytes: bytes.length });
        expect(await backend.putContent(pieces(bytes, size), blob)).toEqual(put);
        expect(await backend.get(blob(put.digest))).toEqual(bytes);
        expect((await backend.head(blob(put.digest)))?.bytes).toBe(bytes.length);
      }),
      { numRuns: 25 },
    );
  });

  it("are absent until put and after being deleted", async () => {
    const backend = new FolderBackend(temporaryFolder());
    expect([await backend.get("a/b"), await backend.head("a/b"), await backend.localFile("a/b")]).toEqual([
      null,
      null,
      null,
    ]);
    await backend.put("a/b", bytesOf("1"));
    await backend.put("a/b", bytesOf("2"));
    expect(text(await backend.get("a/b"))).toBe("2");
    await backend.delete("a/b");
    await backend.delete("a/b");
    expect(await backend.get("a/b")).toBe(null);
  });

  it("have one winner of several that put a name if it is absent", async () => {
    const backend = new FolderBackend(temporaryFolder());
    const won = await Promise.all(Array.from({ length: 10 }, (_, i) => backend.putIfAbsent("x", bytesOf(String(i)))));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(text(await backend.get("x"))).toBe(String(won.indexOf(true)));
  });

  it("replace an equal name's damaged bytes and keep whole ones, which then count as new", async () => {
    const folder = temporaryFolder();
    const backend = new FolderBackend(folder);
    const { digest } = await backend.putContent(bytesOf("right"), blob);
    writeFileSync(join(folder, blob(digest)), "wrong");
    await backend.putContent(bytesOf("right"), blob);
    expect(text(await backend.get(blob(digest)))).toBe("right");
    utimesSync(join(folder, blob(digest)), 1, 1);
    const before = statSync(join(folder, blob(digest))).ino;
    await backend.putContent(bytesOf("right"), blob);
    expect(statSync(join(folder, blob(digest))).ino).toBe(before);
    expect((await backend.head(blob(digest)))?.modifiedMs).toBeGreaterThan(Date.now() - 60_000);
  });

  it("are seen whole or not at all while they are replaced", async () => {
    const backend = new FolderBackend(temporaryFolder());
    const value = (i: number) => new Uint8Array(300_000 + i).fill(i);
    let writing = true;
    const write = async () => {
      for (let i = 1; i <= 20; i++) await backend.put("x", value(i));
      writing = false;
    };
    const read = async () => {
      while (writing) {
        const seen = await backend.get("x");
        if (seen !== null) expect([seen.length, new Set(seen).size]).toEqual([300_000 + (seen[0] as number), 1]);
      }
    };
    await Promise.all([write(), read(), read()]);
  });

  it("leave nothing when their stream fails", async () => {
    const folder = temporaryFolder();
    const backend = new FolderBackend(folder);
    async function* broken() {
      yield bytesOf("half");
      throw new Error("the source failed");
    }
    await expect(backend.putContent(broken(), blob)).rejects.toThrow("the source failed");
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
    expect(await backend.list("blobs")).toEqual([]);
  });

  it("are listed by prefix, pointers as one entry, unfinished files not", async () => {
    const folder = temporaryFolder();
    const backend = new FolderBackend(folder);
    await backend.put("a/x", bytesOf("12"));
    await backend.put("a/b/y", bytesOf("345"));
    await backend.put("ab", bytesOf("not under a/"));
    await backend.swapPointer("a/p.pointer", null, bytesOf("6789"));
    writeFileSync(join(folder, "tmp", "unfinished"), "half");
    const listed = await backend.list("a");
    expect(listed.map(({ name, bytes }) => [name, bytes])).toEqual([
      ["a/b/y", 3],
      ["a/p.pointer", 4],
      ["a/x", 2],
    ]);
  });
});

describe("pointers", () => {
  it("count right when many increment at once", async () => {
    const folder = temporaryFolder();
    const increment = async () => {
      const backend = new FolderBackend(folder);
      for (let done = 0; done < 10; ) {
        const now = await backend.readPointer("n.pointer");
        const next = String(Number(text(now?.value) ?? 0) + 1);
        if ((await backend.swapPointer("n.pointer", now?.version ?? null, bytesOf(next))) !== null) done++;
      }
    };
    await Promise.all(Array.from({ length: 6 }, increment));
    expect(text((await new FolderBackend(folder).readPointer("n.pointer"))?.value)).toBe("60");
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
  });

  it("behave like a variable with a version", async () => {
    const command = fc.record({ kind: fc.constantFrom("swap", "clear"), current: fc.boolean(), value: fc.nat(2) });
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 12 }), async (commands) => {
        const backend = new FolderBackend(temporaryFolderOnce());
        const versions: (string | null)[] = [null];
        let value: string | null = null;
        for (const { kind, current, value: next } of commands) {
          const at = (await backend.readPointer(name))?.version ?? null;
          const named = current ? at : (versions.at(-2) ?? null);
          if (kind === "swap") {
            const version = await backend.swapPointer(name, named, bytesOf(String(next)));
            expect(version !== null).toBe(named === at);
            if (version !== null) value = String(next);
            versions.push(version);
          } else if (named !== null) {
            const cleared = await backend.clearPointer(name, named);
            expect(cleared).toBe(named === at);
            if (cleared) value = null;
          }
          expect(text((await backend.readPointer(name))?.value)).toBe(value);
        }
      }),
      { numRuns: 15 },
    );
  });

  const name = "p.pointer";
  let folders = 0;
  const root = { folder: "" };
  function temporaryFolderOnce(): string {
    root.folder ||= temporaryFolder();
    return join(root.folder, String(folders++));
  }

  it("ignore a writer that slept while they were cleared and set anew", async () => {
    const backend = new FolderBackend(temporaryFolder());
    const old = await backend.swapPointer(name, null, bytesOf("same"));
    await backend.clearPointer(name, old as string);
    await backend.swapPointer(name, null, bytesOf("same"));
    expect(await backend.swapPointer(name, old, bytesOf("from the past"))).toBe(null);
    expect(await backend.clearPointer(name, old as string)).toBe(false);
    expect(text((await backend.readPointer(name))?.value)).toBe("same");
  });

  it("keep former values for a while, so that nobody takes their number again, and then no longer", async () => {
    const folder = temporaryFolder();
    const backend = new FolderBackend(folder);
    let version: string | null = null;
    for (const value of ["1", "2", "3"]) version = await backend.swapPointer(name, version, bytesOf(value));
    expect(readdirSync(join(folder, name)).sort()).toEqual(["1.json", "2.json", "3.json"]);
    for (const each of ["1.json", "2.json"]) utimesSync(join(folder, name, each), 1, 1);
    version = await backend.swapPointer(name, version, bytesOf("4"));
    expect(readdirSync(join(folder, name)).sort()).toEqual(["3.json", "4.json"]);
  });

  it("refuse a writer that slept so long that its number was used and taken away", async () => {
    const folder = temporaryFolder();
    const first = await new FolderBackend(folder).swapPointer(name, null, bytesOf("1"));
    const sleep = vi.fn(() => {
      vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] });
      onTestFinished(() => void vi.useRealTimers());
      writeFileSync(join(folder, name, "3.json"), "3, of somebody else");
      rmSync(join(folder, name, "1.json"));
    });
    pause.beforeLink = sleep;
    expect(await new FolderBackend(folder).swapPointer(name, first, bytesOf("2"))).toBe(null);
    expect(sleep).toHaveBeenCalledOnce();
    expect(text((await new FolderBackend(folder).readPointer(name))?.value)).toBe("3, of somebody else");
  });

  it("take the word of a writer that slept and was not overtaken", async () => {
    const folder = temporaryFolder();
    pause.beforeLink = () => {
      vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] });
      onTestFinished(() => void vi.useRealTimers());
    };
    const version = await new FolderBackend(folder).swapPointer(name, null, bytesOf("1"));
    expect(await new FolderBackend(folder).readPointer(name)).toEqual({ value: Buffer.from("1"), version });
  });

  it("do not fall back to an older value when a kill interrupts their removal", async () => {
    const folder = temporaryFolder();
    const backend = new FolderBackend(folder);
    const first = await backend.swapPointer(name, null, bytesOf("1"));
    await backend.clearPointer(name, first as string);
    class Dying extends FolderBackend {
      override async delete(object: string): Promise<void> {
        await super.delete(object);
        if (object.endsWith(".json")) throw new Error(`killed after ${object}`);
      }
    }
    await expect(new Dying(folder).delete(name)).rejects.toThrow("killed after p.pointer/1.json");
    expect(await backend.readPointer(name)).toBe(null);
    await backend.delete(name);
    expect(existsSync(join(folder, name))).toBe(false);
    expect(await backend.swapPointer(name, null, bytesOf("anew"))).not.toBe(null);
  });
});

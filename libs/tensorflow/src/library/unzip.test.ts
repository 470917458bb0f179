import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { zip } from "../../test/fake-wheel.ts";
import { WheelMismatchError } from "./errors.ts";
import { unzip } from "./unzip.ts";

const folder = mkdtempSync(join(tmpdir(), "unzip-"));
afterAll(() => rmSync(folder, { recursive: true }));
const archive = join(folder, "a.zip");
let count = 0;

async function unpack(bytes: Buffer, keep: (name: string) => boolean = () => true) {
  writeFileSync(archive, bytes);
  const out = join(folder, `out-${count++}`);
  return { out, files: await unzip(archive, out, keep) };
}

describe("unzip", () => {
  it("gives back what was packed, stored or deflated, empty or not", async () => {
    const member = fc.record({ data: fc.uint8Array({ maxLength: 70_000 }), stored: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 4 }), async (members) => {
        const named = members.map((m, i) => ({ ...m, data: Buffer.from(m.data), name: `a/${i}/ä.bin` }));
        const { out, files } = await unpack(zip(named));
        expect(files).toEqual(new Map(named.map(({ name, data }) => [name, data.length])));
        for (const { name, data } of named) expect(readFileSync(join(out, name)).equals(data)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it("leaves out what is not kept, and keeps the executable bit", async () => {
    const data = Buffer.from("x");
    const { out, files } = await unpack(
      zip([
        { name: "lib/", data: Buffer.alloc(0), stored: true },
        { name: "lib/tool", data, mode: 0o744 },
        { name: "lib/text", data },
        { name: "other", data },
      ]),
      (name) => name.startsWith("lib/"),
    );
    expect([...files.keys()]).toEqual(["lib/tool", "lib/text"]);
    expect(statSync(join(out, "lib/tool")).mode & 0o111).toBe(0o111);
    expect(statSync(join(out, "lib/text")).mode & 0o111).toBe(0);
  });

  const good = zip([{ name: "lib/a", data: Buffer.alloc(5000, "abc") }]);
  const patched = (at: number, value: number) => {
    const bytes = Buffer.from(good);
    bytes[at] = (bytes[at] ?? 0) ^ value;
    return bytes;
  };
  const directoryAt = good.indexOf(Buffer.from("PK\x01\x02"));
  it.each([
    ["an empty file", Buffer.alloc(0), "no directory"],
    ["a file that is no archive", Buffer.alloc(500, "no"), "no directory"],
    ["an archive whose end is cut off", good.subarray(0, -30), "no directory"],
    ["an archive whose start is cut off", good.subarray(20), /ends too early|cut off|not where/],
    ["changed bytes", patched(14, 0xff).fill("zzzz", 40, 44), /inflated|other bytes/],
    ["a changed checksum", patched(directoryAt + 16, 1), "other bytes"],
    ["zip64", patched(good.length - 12, 0).fill(0xff, good.length - 12, good.length - 6), "zip64"],
    ["encryption", patched(directoryAt + 8, 1), "encrypted"],
    ["a method of another kind", patched(directoryAt + 10, 4), "method 12"],
    ["a name that climbs out", zip([{ name: "lib/../../a", data: Buffer.from("x") }]), "leads out"],
    ["an absolute name", zip([{ name: "/lib/a", data: Buffer.from("x") }]), "leads out"],
  ])("refuses %s", async (_what, bytes, message) => {
    const failure = unpack(bytes);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(WheelMismatchError);
  });
});

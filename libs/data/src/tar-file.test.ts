import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tarOf } from "../test/archives.ts";
import { writeFiles } from "../test/photographs.ts";
import { TarFile, type TarMember } from "./tar-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-tar-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function listed(path: string, inner?: (member: TarMember) => boolean): Promise<[string, string][]> {
  using tar = new TarFile(path);
  const found: [string, string][] = [];
  for await (const member of tar.members()) {
    if (inner?.(member)) {
      for await (const within of tar.members(member))
        found.push([`${member.name}/${within.name}`, tar.read(within.start, within.bytes).toString()]);
    } else found.push([member.name, tar.read(member.start, member.bytes).toString()]);
  }
  return found;
}

const long = `${"folder of a long name/".repeat(12)}picture.jpg`;

describe("a tar file", () => {
  it.each(["ustar", "gnu", "pax"])("of the form %s, as tar writes it, gives its files", async (form) => {
    const names = form === "ustar" ? ["a.txt", "b/ü.txt"] : ["a.txt", "b/ü.txt", long];
    await writeFiles(join(folder, "in"), Object.fromEntries(names.map((name) => [name, `content of ${name}`])));
    const path = join(folder, "t.tar");
    execFileSync("tar", ["--format", form, "-C", join(folder, "in"), "-cf", path, "."]);
    const found = await listed(path);
    expect(found.toSorted()).toEqual(names.map((name) => [name, `content of ${name}`]).toSorted());
  });

  it("within a tar file gives its files, too", async () => {
    const inner = await tarOf({ "x.txt": "of x", "y.txt": "of y" });
    const path = join(folder, "outer.tar");
    await writeFile(path, await tarOf({ "first.tar": inner, "second.tar": await tarOf({}) }));
    expect(await listed(path, ({ name }) => name.endsWith(".tar"))).toEqual([
      ["first.tar/x.txt", "of x"],
      ["first.tar/y.txt", "of y"],
    ]);
  });

  it("that is cut off names member and byte, wherever that is", async () => {
    const path = join(folder, "t.tar");
    const whole = await tarOf({ "a.jpg": "a".repeat(700), "b.jpg": "b".repeat(100) });
    for (let length = 0; length <= 2560 + 511; length += 100) {
      await writeFile(path, whole);
      await truncate(path, length);
      const failed = listed(path);
      await expect(failed).rejects.toMatchObject({ name: "TarDamaged", exitCode: 65, path });
      await expect(failed).rejects.toThrow(/is cut off: .* byte \d+/);
    }
    await truncate(path, 1000);
    await expect(listed(path)).rejects.toThrow(
      `${path} is cut off: a.jpg begins at byte 512 and has 700 bytes, but the file ends at byte 1000`,
    );
  });

  it("within a tar file that is cut off is named", async () => {
    const inner = await tarOf({ "x.jpg": "x".repeat(5000) });
    const path = join(folder, "outer.tar");
    await writeFile(path, await tarOf({ "n01440764.tar": inner.subarray(0, 3000) }));
    await expect(listed(path, () => true)).rejects.toThrow(
      `n01440764.tar in ${path} is cut off: x.jpg begins at byte 1024 and has 5000 bytes, but the file ends at byte 3512`,
    );
  });

  it("that is none, or damaged, says so", async () => {
    const path = join(folder, "t.tar");
    await writeFile(path, Buffer.alloc(2048, "not a tar file "));
    await expect(listed(path)).rejects.toThrow(`${path} is no whole tar file: it does not begin like one`);
    const whole = await tarOf({ "a.jpg": "a", "b.jpg": "b" });
    whole[1024 + 3] = 0x7a;
    await writeFile(path, whole);
    await expect(listed(path)).rejects.toThrow(/at byte 1024 there should be a member/);
    await expect(listed(join(folder, "no.tar"))).rejects.toThrow(/cannot be read \(ENOENT\)/);
    expect((await readFile(path)).length).toBe(whole.length);
  });
});

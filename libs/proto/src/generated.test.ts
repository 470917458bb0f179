import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };

const root = new URL("../../..", import.meta.url).pathname;
const run = promisify(execFile);

/** The bytes of all files below a folder, by their paths. */
async function files(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found[path.slice(folder.length)] = await readFile(path, "utf8");
  }
  return found;
}

describe("the contracts", () => {
  let copy: string;
  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), "peco-proto-"));
    for (const name of ["proto", "buf.yaml", "buf.gen.yaml"])
      await cp(join(root, name), join(copy, name), { recursive: true });
    await mkdir(join(copy, "libs/proto"), { recursive: true });
    await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  });
  afterAll(() => rm(copy, { recursive: true, force: true }));

  it("follow buf's rules", async () => {
    await run("buf", ["lint"], { cwd: root });
    await run("buf", ["format", "--exit-code", "-d"], { cwd: root });
  });

  it("give the committed code and descriptors when they are generated again", async () => {
    await run("sh", ["-c", manifest.scripts.generate], { cwd: join(copy, "libs/proto") });
    expect(await files(join(copy, "libs/proto/src/gen"))).toEqual(await files(join(root, "libs/proto/src/gen")));
    const descriptors = (where: string) => readFile(join(where, "libs/proto/descriptors.binpb"), "base64");
    expect(await descriptors(copy)).toBe(await descriptors(root));
  });

  it("may not be broken for those who use them: a field keeps its number", async () => {
    const breaking = () =>
      run("buf", ["breaking", "--against", join(root, "libs/proto/descriptors.binpb")], { cwd: copy });
    await breaking();
    const file = join(copy, "proto/peco/stage/v1/stage.proto");
    await writeFile(file, (await readFile(file, "utf8")).replace("string key = 2;", "string key = 20;"));
    await expect(breaking()).rejects.toMatchObject({ code: 100, stdout: expect.stringContaining('field "2"') });
  });
});

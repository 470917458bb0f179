import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "open-"));
afterAll(() => rmSync(folder, { recursive: true }));
const [cc, framework] = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"].map((name) => join(folder, name)) as [
  string,
  string,
];

/** Loads the library of the folder in a process of its own and gives the error's class, exit code and message. */
function open(): string {
  const program = `
    import { tensorflowVersion } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
    try { console.log(tensorflowVersion()); } catch (e) { console.log(e.name, e.exitCode, e.message); }`;
  const { stdout, status, signal } = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", program], {
    encoding: "utf8",
    env: { ...process.env, LIBTENSORFLOW_DIR: folder },
  });
  expect([status, signal]).toEqual([0, null]);
  return stdout.trim();
}

function compile(path: string, source: string): void {
  execFileSync("cc", ["-shared", "-fPIC", "-x", "c", "-o", path, "-"], { input: source });
}
const hasCompiler = spawnSync("cc", ["--version"]).status === 0;

describe("a library that is none", () => {
  it("is refused with its path and the loader's reason", () => {
    writeFileSync(cc, "not a library");
    writeFileSync(framework, "not a library");
    expect(open()).toMatch(
      /^WrongLibraryError 76 .*libtensorflow_framework.so.2 could not be loaded: .*(invalid|short)/,
    );
  });

  it.skipIf(!hasCompiler)("is refused when it lacks the C API", () => {
    compile(framework, "int nothing;");
    compile(cc, "int nothing;");
    expect(open()).toBe(`WrongLibraryError 76 ${cc} does not export TensorFlow's C API.`);
  });

  it.skipIf(!hasCompiler)("is refused when it is too old, or of another generation", () => {
    compile(cc, 'const char *TF_Version(void) { return "2.15.1"; }');
    expect(open()).toBe(`WrongLibraryError 76 ${cc} is TensorFlow 2.15.1, and 2.21 or later (below 3) is needed.`);
    compile(cc, 'const char *TF_Version(void) { return "3.0.0-rc1"; }');
    expect(open()).toContain("is TensorFlow 3.0.0-rc1");
  });
});

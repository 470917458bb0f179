import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exampleStore, temporaryFolder } from "../../test/example-store.ts";
import { memory, processor, system } from "../doctor/machine.ts";
import { doctorCommand, doctorDocument } from "./doctor.ts";

/** A machine that has a library, and of programs what is given. */
function environment(change: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const library = temporaryFolder();
  const [cc, framework] =
    process.platform === "darwin" ? ["cc.2.dylib", "framework.2.dylib"] : ["cc.so.2", "framework.so.2"];
  for (const part of [cc, framework]) writeFileSync(join(library, `libtensorflow_${part}`), "");
  return { PATH: process.env["PATH"], XDG_CACHE_HOME: temporaryFolder(), LIBTENSORFLOW_DIR: library, ...change };
}

async function doctor(store: string, env: NodeJS.ProcessEnv) {
  const { document, exitCode, text } = await doctorCommand({ store }, env);
  const { ready, checks } = doctorDocument.parse(document);
  return { ready, exitCode, text, of: (name: string) => checks.find(({ check }) => check === name) };
}

describe("doctor", () => {
  it("ends with 0 where ./peco run would work, and says what there is", async () => {
    const { folder } = await exampleStore();
    const env = environment();
    const { ready, exitCode, of, text } = await doctor(folder, env);
    expect({ ready, exitCode }).toEqual({ ready: true, exitCode: 0 });
    expect(of("store")).toMatchObject({ state: "ok", found: folder });
    expect(of("TensorFlow library")).toMatchObject({
      state: "ok",
      found: expect.stringContaining(env["LIBTENSORFLOW_DIR"] as string),
    });
    expect(of("Node")).toMatchObject({ state: "ok", found: process.versions.node });
    expect(text).toContain("./peco run would work here.");
  });

  it("notes a library that will be fetched, and needs pip or uv for it", async () => {
    const store = join(temporaryFolder(), "new");
    const { LIBTENSORFLOW_DIR: _, ...without } = environment();
    const tools = temporaryFolder();
    writeFileSync(join(tools, "uv"), "#!/bin/sh\necho uv 1.2.3\n", { mode: 0o755 });
    const fine = await doctor(store, { ...without, PATH: tools });
    expect(fine.of("TensorFlow library")).toMatchObject({
      state: "note",
      remedy: expect.stringContaining("./peco run fetches it"),
    });
    expect(fine.of("pip or uv")).toMatchObject({ state: "ok", found: "uv 1.2.3" });
    expect(fine.of("npm")).toMatchObject({ state: "note" });
    expect(fine.of("store")).toMatchObject({ state: "ok", found: `none yet; ./peco run makes it at ${store}` });
    expect(fine.exitCode).toBe(0);

    const bare = await doctor(store, { ...without, PATH: temporaryFolder() });
    expect(bare).toMatchObject({ ready: false, exitCode: 64 });
    expect(bare.of("pip or uv")).toMatchObject({
      state: "missing",
      remedy: expect.stringContaining("Install Python 3 with pip, or uv"),
    });
    expect(bare.text).toContain("./peco run would not work here");
  });

  it("needs no pip where the library is there", async () => {
    const { ready, of } = await doctor(join(temporaryFolder(), "new"), environment({ PATH: temporaryFolder() }));
    expect(of("pip or uv")).toMatchObject({ state: "note" });
    expect(of("Chromium")?.state).not.toBe("missing");
    expect(ready).toBe(true);
  });

  it("finds a library folder that holds none, and a store that is none or newer", async () => {
    const store = join(temporaryFolder(), "new");
    const wrong = await doctor(store, environment({ LIBTENSORFLOW_DIR: temporaryFolder() }));
    expect(wrong.ready).toBe(false);
    expect(wrong.of("TensorFlow library")).toMatchObject({
      state: "missing",
      found: expect.stringContaining("LIBTENSORFLOW_DIR"),
    });

    mkdirSync(store);
    writeFileSync(join(store, "FORMAT"), '{"format": 99}');
    expect(await doctor(store, environment())).toMatchObject({ ready: false, exitCode: 76 });
    writeFileSync(join(store, "FORMAT"), "");
    expect((await doctor(store, environment())).of("store")).toMatchObject({ state: "missing" });
  });

  it("knows where TensorFlow's wheels cannot run", () => {
    expect(system("win32", "x64", null)).toMatchObject({ state: "missing", exitCode: 64 });
    expect(system("linux", "riscv64", "2.36")).toMatchObject({ state: "missing" });
    expect(system("linux", "x64", "2.17")).toMatchObject({
      state: "missing",
      remedy: expect.stringContaining("glibc 2.27"),
    });
    expect(system("linux", "x64", null)).toMatchObject({ state: "missing" });
    expect(system("linux", "x64", "2.27")).toMatchObject({ state: "ok" });
    expect(system("darwin", "arm64", null)).toMatchObject({ state: "ok" });
    expect(processor(new Set(["avx2", "avx", "avx512_bf16", "sse"]))).toMatchObject({
      state: "ok",
      found: expect.stringMatching(/: avx avx2 avx512_bf16; bfloat16 in hardware$/),
    });
    if (process.arch === "x64") expect(processor(new Set(["sse"]))).toMatchObject({ state: "missing" });
    expect(memory(2 ** 30)).toMatchObject({ state: "note", found: "1.1 GB free" });
  });
});

import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = new URL("../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "stranger-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As in a shell of a stranger: no settings of this checkout, and a cache of its own; the index and its certificates stay. */
const env: NodeJS.ProcessEnv = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_package_|LIBTENSORFLOW|VITEST)/i.test(name)),
  ),
  XDG_CACHE_HOME: join(folder, "cache"),
};

function run(program: string, args: string[], cwd: string): Promise<{ code: unknown; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env, maxBuffer: 1 << 26 }, (error, out, err) =>
      resolve({ code: error?.code ?? error?.signal ?? 0, out, err }),
    );
  });
}

async function succeed(program: string, args: string[], cwd = folder): Promise<string> {
  const { code, out, err } = await run(program, args, cwd);
  expect(code, `${program} ${args.join(" ")}\n${out}\n${err}`).toBe(0);
  return out;
}

describe("the published package", () => {
  beforeAll(async () => {
    await succeed(process.execPath, ["scripts/build.ts"], root);
    await succeed("npm", ["pack", "--pack-destination", folder], join(root, "dist"));
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
    const beside = ["@tensorflow/tfjs-core@4.22.0", "@tensorflow/tfjs-layers@4.22.0"];
    // Install scripts on, as npm does by itself.
    await succeed("npm", ["install", "--ignore-scripts=false", `./${tarball}`, ...beside]);
    cpSync(join(root, "test/stranger"), folder, { recursive: true });
  }, 300_000);

  it("brings neither tfjs-node nor the rest of tfjs", () => {
    expect(readdirSync(join(folder, "node_modules/@tensorflow")).sort()).toEqual(["tfjs-core", "tfjs-layers"]);
  });

  it("says how to get the library before it is there", async () => {
    const { code, err } = await run("npx", ["tfjs-libtensorflow", "where", "--cpu"], folder);
    expect(code).toBe(65);
    expect(err).toContain("npx tfjs-libtensorflow fetch");
  });

  it("fetches the real wheel once, and keeps the library alone", { timeout: 600_000 }, async () => {
    const fetch = () => run("npx", ["tfjs-libtensorflow", "fetch", "--cpu"], folder);
    const [one, two] = await Promise.all([fetch(), fetch()]);
    expect([one.code, two.code], `${one.err}\n${two.err}`).toEqual([0, 0]);
    expect(two.out).toBe(one.out);
    expect(`${one.err}${two.err}`.match(/: fetching tensorflow[a-z-]* 2\.21\.0 with/g)).toHaveLength(1);
    const kept = readdirSync(one.out.trim()).map((name) => name.replace(/\.(so\.2|2\.dylib)$/, ""));
    expect(kept.sort()).toEqual(["THIRD_PARTY_NOTICES.txt", "include", "libtensorflow_cc", "libtensorflow_framework"]);
    expect(readdirSync(join(folder, "cache/tfjs-libtensorflow"))).toHaveLength(1);
  });

  it("trains with tfjs-layers and with a compiled step, and ends with exit code 0", { timeout: 120_000 }, async () => {
    expect(await succeed(process.execPath, ["train.mjs"])).toBe("trained\n");
  });

  it("runs the README's programs", { timeout: 120_000 }, async () => {
    const readme = readFileSync(join(folder, "node_modules/tfjs-libtensorflow/README.md"), "utf8");
    const programs = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, program = ""]) => program);
    expect(programs).toHaveLength(2);
    for (const [i, program] of programs.entries()) {
      writeFileSync(join(folder, `readme-${i}.mjs`), program);
      const losses = (await succeed(process.execPath, [`readme-${i}.mjs`])).trim().split(/\s+/).map(Number);
      expect(losses.length > 0 && losses.every(Number.isFinite), String(losses)).toBe(true);
    }
    expect(readdirSync(join(folder, "model"))).toContain("model.json");
  });

  it("has declarations", { timeout: 60_000 }, async () => {
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024"];
    const types = [
      "--lib",
      "es2024,esnext.disposable",
      "--types",
      "node",
      "--typeRoots",
      join(root, "../../node_modules/@types"),
    ];
    await succeed(join(root, "../../node_modules/.bin/tsc"), [...options, ...types, "types.ts"]);
  });
});

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { encodeSafetensors, type HostArray } from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { peco } from "./peco.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-bad-"));
const picture = join(folder, "picture.png");
const asRoot = process.platform === "linux" && process.getuid?.() === 0;

beforeAll(async () => {
  const pixels = { width: 40, height: 30, channels: 3 as const, background: "#a05" };
  await sharp({ create: pixels }).png().toFile(picture);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder of files, each a copy of a picture, or a text. */
function folderOf(name: string, files: Readonly<Record<string, "picture" | "text">>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, kind] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    if (kind === "picture") copyFileSync(picture, join(path, file));
    else writeFileSync(join(path, file), "no picture");
  }
  return path;
}

/** Runs a command that has to be refused: its exit code and words, without a stack trace, and as JSON, too. */
async function refused(words: string[], exitCode: number, said: RegExp): Promise<void> {
  const { code, stdout, stderr } = await peco([...words, "--json"]);
  expect(stderr).toMatch(said);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(code, stderr).toBe(exitCode);
  const { error } = JSON.parse(stdout) as { error: { message: string; exitCode: number; remedy: string } };
  expect(error.exitCode).toBe(exitCode);
  expect(error.remedy).not.toBe("");
}

const run = (...words: string[]) => ["run", "--recipe", "tiny", "--store", join(folder, "store"), ...words];

describe("a folder of pictures that cannot be used", () => {
  it("does not exist", () => refused(run("--data", join(folder, "nowhere")), 65, /nowhere/));
  it("is a file", () => refused(run("--data", picture), 65, /is a file/));
  it("is empty", () => refused(run("--data", folderOf("empty", {})), 65, /no picture/));
  it("holds one picture", () =>
    refused(run("--data", folderOf("one", { "a.png": "picture" })), 65, /one picture|1 picture/));
  it("holds one class", () =>
    refused(
      run("--data", folderOf("class", { "cat/a.png": "picture", "cat/b.png": "picture", "cat/c.png": "picture" })),
      65,
      /cat/,
    ));
  it("holds nothing but other files", () =>
    refused(run("--data", folderOf("texts", { "a.txt": "text", "b.txt": "text" })), 65, /no picture/));
});

describe("a recipe that cannot be used", () => {
  it("has a typo in its name", () => refused(["run", "--recipe", "smal"], 64, /small/));
  it("has a typo in a path", () => refused(run("--set", "codebok.size=64"), 64, /codebook/));
  it("has a wrong type", () => refused(run("--set", "pretrain.steps=many"), 64, /pretrain\.steps/));
  it("has an image that is no multiple of the patch", () => refused(run("--set", "image.size=30"), 64, /image/));
  it("masks another grid than the tokens'", () => refused(run("--set", "image.patch=4"), 64, /grid/));
  it("stops at a stage that there is not", () => refused(run("--until", "pretran"), 64, /pretrain/));
});

describe("weights that cannot be used are refused before anything starts", () => {
  const file = join(folder, "weights.safetensors");
  const weights = (path: string, preset: string, ...more: string[]) => {
    const network = ["source=weights", `preset=${preset}`, `weights=${path}`];
    return run(...network.flatMap((text) => ["--set", `perceptualNetwork.${text}`]), ...more);
  };
  const vgg = ["--set", "codebook.loss.norm=none"];
  beforeAll(() => {
    const tensor: HostArray = { dtype: "float32", shape: [64, 3, 3, 3], data: new Float32Array(64 * 27) };
    writeFileSync(file, encodeSafetensors({ "features.0.weight": tensor, "features.99.weight": tensor }));
  });
  it("and are not there", () => refused(weights(join(folder, "none"), "dino-vit-b16"), 65, /none is not there/));
  it("and lack tensors or have others, each named", () =>
    refused(weights(file, "vgg16", ...vgg), 65, /missing: features\.0\.bias\n[\s\S]*extra: +features\.99\.weight/));
});

describe("a store that cannot be used", () => {
  it("was written by a newer version", async () => {
    const store = join(folder, "newer");
    mkdirSync(store);
    writeFileSync(join(store, "FORMAT"), '{"format": 99}');
    await refused(["run", "--recipe", "tiny", "--store", store], 76, /99/);
  });

  it.runIf(asRoot)("is read-only", () =>
    mounted("read-only", "ro,size=4m", (store) =>
      refused(["run", "--recipe", "tiny", "--store", store], 73, /read-only|written/),
    ),
  );

  it.runIf(asRoot)("is on a full disk", () =>
    mounted("full", "size=64k", async (disk) => {
      execFileSync("sh", ["-c", `head -c 1000000 /dev/zero > ${disk}/filler || true`], { stdio: "ignore" });
      await refused(["run", "--recipe", "tiny", "--store", join(disk, "store")], 73, /full/);
    }),
  );
});

/** Does work on a file system of its own. */
async function mounted(name: string, options: string, work: (path: string) => Promise<void>): Promise<void> {
  const path = join(folder, name);
  mkdirSync(path);
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
  try {
    await work(path);
  } finally {
    execFileSync("umount", [path]);
  }
}

it("offers the nearest command for one that there is not", async () => {
  const { code, stderr } = await peco(["rnu"]);
  expect(code).toBe(64);
  expect(stderr).toMatch(/Did you mean run/);
});

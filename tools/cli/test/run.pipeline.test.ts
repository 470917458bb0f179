import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { key, stream } from "@peco/random";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { runDocument } from "../src/run/run-answer.ts";
import { children, type Ended, peco, start } from "./peco.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-run-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tiny = (store: string, ...words: string[]) => [
  "run",
  "--recipe",
  "tiny",
  "--store",
  join(folder, store),
  "--json",
  ...words,
];

function documentOf({ code, stdout, stderr }: Ended): z.infer<typeof runDocument> {
  expect(code, stderr).toBe(0);
  return runDocument.parse(JSON.parse(stdout));
}

describe("a run on the generated set", () => {
  it("goes from pictures to a report, and finds everything finished the second time", {
    timeout: 300_000,
  }, async () => {
    const first = documentOf(await peco(tiny("generated")));
    expect(first.stages.map(({ name }) => name)).toEqual([
      "data",
      "perceptual-network",
      "codebook",
      "pretrain",
      "finetune",
      "finetune-from-scratch",
      "evaluate",
    ]);
    for (const name of ["perceptual-network", "codebook", "pretrain", "finetune", "finetune-from-scratch"]) {
      const stage = first.stages.find((each) => each.name === name);
      expect(stage?.state).toBe("ran");
      for (const figure of ["steps", "images", "gflop"])
        expect(stage?.metrics[figure], `${name} ${figure}`).toBeGreaterThan(0);
      expect(
        readFileSync(stage?.weights ?? "")
          .subarray(8, 9)
          .toString(),
      ).toBe("{");
    }
    expect(first.summary["usage"]?.mean).toBeGreaterThan(0);
    expect(readFileSync(first.report, "utf8")).toMatch(/^<!doctype html>/);

    const second = documentOf(await peco(tiny("generated")));
    expect(second.stages.map(({ state }) => state)).toEqual(first.stages.map(() => "cached"));
    expect(second.stages.map(({ artifact }) => artifact)).toEqual(first.stages.map(({ artifact }) => artifact));
    expect(second.seconds).toBeLessThan(10);
  });

  it("runs only what a changed value can reach, and says what differed", { timeout: 120_000 }, async () => {
    const ended = await peco(tiny("generated", "--set", "evaluate.pictures=3"));
    const states = documentOf(ended).stages.map(({ name, state }) => `${name} ${state}`);
    expect(states.filter((text) => text.endsWith("ran"))).toEqual(["evaluate ran"]);
    expect(ended.stderr).toMatch(/evaluate\.pictures 4 -> 3/);
  });
});

describe("a run on a folder of pictures", () => {
  it("takes photographs as they come, and names what it could not read", { timeout: 300_000 }, async () => {
    const data = join(folder, "my photos 'ä 日本");
    await makePhotos(data, ["cats & dogs", "Blüten"]);
    writeFileSync(join(data, "Blüten", "broken.jpg"), "no picture");
    const document = documentOf(await peco(tiny("photos", "--data", data)));
    expect(document.stages.find(({ name }) => name === "data")?.metrics).toMatchObject({ classes: 2, skipped: 1 });
    expect(document.summary["top1Pretrained"]?.mean).toBeGreaterThanOrEqual(0);
    const report = readFileSync(document.report, "utf8");
    expect(report).toContain("broken.jpg");
    expect(report).toContain("Blüten");
  });

  it("leaves out what needs classes where there are none", { timeout: 300_000 }, async () => {
    const data = join(folder, "pictures without classes");
    await makePhotos(data, [""]);
    const ended = await peco(tiny("flat", "--data", data));
    const names = documentOf(ended).stages.map(({ name }) => name);
    expect(names).toEqual(["data", "perceptual-network", "codebook", "pretrain", "evaluate"]);
    expect(ended.stderr).toMatch(/fine-tuning and top-1 are left out/);
  });
});

describe("a run that is not alone, or not wanted any more", () => {
  it("lets the same run be done by one only, and an interrupted one go on", { timeout: 300_000 }, async () => {
    const one = start(tiny("shared", "--until", "codebook"));
    await until(() => children(one.child.pid ?? 0).some(({ command }) => command.includes("/services/tokenizer/")));
    const two = await peco(tiny("shared", "--until", "codebook"));
    expect(two.code, two.stderr).toBe(75);
    expect(JSON.parse(two.stdout).error.message).toMatch(/run/);
    one.child.kill("SIGINT");
    const { code, stderr } = await one.ended;
    expect(code, stderr).toBe(130);
    const document = documentOf(await peco(tiny("shared", "--until", "codebook")));
    expect(document.stages.map(({ name }) => name)).toEqual(["data", "perceptual-network", "codebook"]);
  });

  it("gives mean and spread over several seeds", { timeout: 300_000 }, async () => {
    const { stages, summary } = documentOf(
      await peco(tiny("seeds", "--seeds", "1,2", "--set", "pretrain.steps=2", "--set", "finetune.steps=2")),
    );
    expect(new Set(stages.map(({ seed }) => seed))).toEqual(new Set(["1", "2"]));
    expect(summary["psnr"]?.values).toHaveLength(2);
    expect(summary["psnr"]?.deviation).toBeGreaterThan(0);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50);
}

/** Photographs of a kind: gradients with noise, of several sizes, as JPEG, PNG and WebP, one of them turned by EXIF. */
async function makePhotos(root: string, classes: readonly string[]): Promise<void> {
  const draws = stream(key(7n));
  for (const name of classes) {
    mkdirSync(join(root, name), { recursive: true });
    for (let i = 0; i < 40; i++) {
      const [width, height] = [draws.integer(40, 200), draws.integer(40, 200)];
      const [red, green, blue] = [draws.integer(0, 255), draws.integer(0, 255), draws.integer(0, 255)];
      const pixels = Buffer.alloc(width * height * 3);
      for (let p = 0; p < width * height; p++) {
        const light = (p % width) / width + draws.uniform(0, 0.2);
        pixels.set(
          [red * light, green * light, blue * light].map((value) => Math.min(255, value)),
          3 * p,
        );
      }
      const picture = sharp(pixels, { raw: { width, height, channels: 3 } }).withMetadata(
        i === 0 ? { orientation: 6 } : {},
      );
      const path = join(root, name, `picture ${i}`);
      if (i % 3 === 0) await picture.jpeg({ quality: 95 }).toFile(`${path}.jpg`);
      else if (i % 3 === 1) await picture.png().toFile(`${path}.PNG`);
      else await picture.webp().toFile(`${path}.webp`);
    }
  }
}

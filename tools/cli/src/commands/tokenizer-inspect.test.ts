import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { shortRecipe, untrainedStore } from "../../../../libs/training/test/untrained-store.ts";
import { tokenizerInspectCommand, tokenizerInspectDocument } from "./tokenizer-inspect.ts";

let store: string;
let inputs: Record<string, string>;
beforeAll(async () => {
  store = await mkdtemp(join(tmpdir(), "peco-cli-inspect-"));
  inputs = await untrainedStore(store, shortRecipe());
});
afterAll(() => rm(store, { recursive: true, force: true }));

const common = { split: "test", codes: 5, places: 2, batch: 4 } as const;

it("inspects a tokenizer and writes what its codes stand for", async () => {
  const [artifact, out] = [inputs["tokenizer"]?.slice(0, 16) as string, join(store, "sheets")];
  const answer = await tokenizerInspectCommand({ ...common, store, artifact, data: inputs["data"] as string, out });
  const document = tokenizerInspectDocument.parse(answer.document);
  expect(document).toMatchObject({
    artifact: inputs["tokenizer"],
    source: "vq",
    pictures: 9,
    codes: 16,
    network: null,
  });
  expect(document.histogram.reduce((a, b) => a + b)).toBe(9 * 16);
  expect(document.shown[0]?.places[0]?.picture).toMatch(/^\d+\.png$/);
  expect((await readdir(out)).sort()).toEqual(["codes.png", "inspection.json", "nearest.png", "reconstructions.png"]);
  const { width, height } = await sharp(join(out, "nearest.png")).metadata();
  expect([width, height]).toEqual([4 + 4 * 68, 4 + document.shown.length * 68]);
  expect(JSON.parse(await readFile(join(out, "inspection.json"), "utf8"))).toEqual(document);
  expect(answer.text).toContain("PSNR");
});

it("says which words are missing or wrong", async () => {
  const neither = tokenizerInspectCommand({ ...common, store });
  await expect(neither).rejects.toMatchObject({
    exitCode: 64,
    message: expect.stringMatching("either --artifact or --run"),
  });
  const wrong = tokenizerInspectCommand({ ...common, store, artifact: inputs["pretrained"] as string });
  await expect(wrong).rejects.toMatchObject({ name: "WrongArtifact", exitCode: 76 });
  const artifact = inputs["tokenizer"] as string;
  const pictures = tokenizerInspectCommand({ ...common, store, artifact, data: artifact });
  await expect(pictures).rejects.toMatchObject({ exitCode: 64, message: expect.stringMatching("holds no pictures") });
});

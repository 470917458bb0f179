import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noViews, openPack } from "../test/pack.ts";
import { stageBatches } from "./stage-batches.ts";

const recipe = {
  image: { size: 32, patch: 8, mean: [0.485, 0.456, 0.406] as [number, number, number] },
  perceptualNetwork: { batch: 4, views: noViews },
  codebook: { batch: 4, channels: [16, 32, 64], views: noViews },
  pretrain: {
    target: "tokens" as const,
    batch: 4,
    mask: { count: 6, minBlock: 4, form: "exactly" as const },
    views: noViews,
  },
  finetune: { batch: 16, views: noViews, randAugment: { operations: 2, magnitude: 9, deviation: 0.5 }, erase: 0.25 },
};
const plain = { ...recipe, finetune: { ...recipe.finetune, randAugment: null, erase: 0 } };

let pack: Awaited<ReturnType<typeof openPack>>;
beforeAll(async () => {
  pack = await openPack({ train: 40, validation: 5, test: 5 });
});
afterAll(() => pack[Symbol.asyncDispose]());

describe("stageBatches of fine-tuning", () => {
  it("has neither boxes nor other pictures where RandAugment and erasing are off", async () => {
    const spec = stageBatches("finetune", plain, 1);
    expect(Object.keys(spec)).not.toContain("erase");
    const { images, ...rest } = await pack.data.batches(spec).at(0);
    expect(Object.keys(rest)).toEqual(["labels"]);
    for (let at = 0; at < 16; at++) {
      const picture = Buffer.from(images.data.subarray(at * 3072, (at + 1) * 3072));
      expect(pack.pixels.some((pixels) => picture.equals(pixels))).toBe(true);
    }
  });

  it("fills with the mean, changes most pictures and erases a quarter of them, whoever makes the batch", async () => {
    const spec = stageBatches("finetune", recipe, 1);
    expect(spec.views.randAugment?.fill).toEqual([124, 116, 104]);
    const [augmented, untouched, again] = await Promise.all([
      pack.data.batches(spec).at(3),
      pack.data.batches(stageBatches("finetune", plain, 1)).at(3),
      pack.data.batches(spec).at(3),
    ]);
    expect(again).toEqual(augmented);
    expect(augmented.labels).toEqual(untouched.labels);
    const same = (at: number) =>
      Buffer.from(augmented.images.data.subarray(at * 3072, (at + 1) * 3072)).equals(
        untouched.images.data.subarray(at * 3072, (at + 1) * 3072),
      );
    const unchanged = Array.from({ length: 16 }, (_, at) => at).filter(same).length;
    expect(unchanged).toBeGreaterThan(0);
    expect(unchanged).toBeLessThan(11);
    const steps = await Promise.all(Array.from({ length: 20 }, (_, step) => pack.data.batches(spec).at(step)));
    const boxes = steps.flatMap(({ erase }) => {
      expect(erase?.shape).toEqual([16, 4]);
      return Array.from({ length: 16 }, (_, at) => [...(erase?.data.subarray(at * 4, at * 4 + 4) ?? [])]);
    });
    const erased = boxes.filter(([, , height]) => height !== 0);
    expect(erased.length / boxes.length).toBeGreaterThan(0.15);
    expect(erased.length / boxes.length).toBeLessThan(0.35);
    for (const [top = 0, left = 0, height = 0, width = 0] of erased) {
      expect(height > 0 && width > 0 && top >= 0 && left >= 0 && top + height <= 32 && left + width <= 32).toBe(true);
    }
  });

  it("has pictures of the size that fine-tuning wants", () => {
    const larger = { ...plain, finetune: { ...plain.finetune, pictureSize: 48 } };
    expect(stageBatches("finetune", larger, 1).size).toBe(48);
    expect(stageBatches("finetune-from-scratch", plain, 1).size).toBe(32);
  });
});

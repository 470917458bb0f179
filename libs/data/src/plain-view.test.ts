import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { digest, empty, noisePicture } from "../test/noise-picture.ts";
import { centerCrop, makePlainView, resizeShorterSide } from "./plain-view.ts";
import type { Filter } from "./resample-weights.ts";

type View = [height: number, width: number, resize: number, crop: number, Filter, sha256: string];
const { views } = JSON.parse(readFileSync(new URL("../fixtures/resize.json", import.meta.url), "utf8")) as {
  views: View[];
};

describe("resizeShorterSide and centerCrop", () => {
  it("are torchvision's Resize and CenterCrop, bit for bit", () => {
    expect(views.length).toBeGreaterThan(30);
    const different = views.filter(([height, width, resize, crop, filter, expected]) => {
      const out = empty(crop, crop);
      centerCrop(resizeShorterSide(noisePicture(height, width), resize, filter), out.data, crop);
      return digest(out) !== expected;
    });
    expect(different).toEqual([]);
  });

  it("give a picture of the right size as it is", () => {
    const picture = noisePicture(32, 40);
    expect(resizeShorterSide(picture, 32, "bicubic")).toBe(picture);
    const square = noisePicture(32, 32);
    const out = empty(32, 32);
    makePlainView(square, out.data, 32);
    expect(out.data).toEqual(square.data);
  });

  it("refuse a middle that is larger than the picture", () => {
    expect(() => centerCrop(noisePicture(8, 20), new Uint8Array(9 * 9 * 3), 9)).toThrow("has no middle of 9 x 9");
  });
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { joinSlices, sliceRows } from "./batch-slices.ts";
import { hostInt32, hostUint8 } from "./host-array.ts";

it("cuts rows into slices and joins them to what they were", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 }), (rows, of) => {
      const images = hostUint8(rows, 2, 1);
      images.data.set(images.data.map((_, at) => (at * 7) % 256));
      const labels = hostInt32(rows);
      labels.data.set(labels.data.map((_, at) => -at));
      const slices = Array.from({ length: of }, (_, index) => {
        const [first, end] = sliceRows(rows, { index, of });
        return {
          images: { ...images, shape: [end - first, 2, 1], data: images.data.slice(first * 2, end * 2) },
          labels: { ...labels, shape: [end - first], data: labels.data.slice(first, end) },
          valid: { dtype: "int32" as const, shape: [], data: Int32Array.of(end - first) },
        };
      });
      const lengths = slices.map(({ labels: { data } }) => data.length);
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      const valid = { dtype: "int32", shape: [], data: Int32Array.of(rows) };
      expect(joinSlices(slices)).toEqual({ images, labels, valid });
    }),
  );
});

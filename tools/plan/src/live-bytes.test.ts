import { leafShape, programOf, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { bytesOf, peakLiveBytes } from "./live-bytes.ts";

const n = 1000;
const traced = (step: (x: tf.Tensor) => tf.Tensor) =>
  programOf(
    "step",
    (_: object, batch: { x: tf.Tensor }) => ({ state: {}, metrics: { y: step(batch.x) } }),
    {},
    { x: leafShape("float32", n) },
  );

describe("peakLiveBytes", () => {
  it("counts a chain as two values at once, however long it is", () => {
    const chain = (length: number) => (x: tf.Tensor) => Array.from({ length }).reduce<tf.Tensor>((y) => tf.exp(y), x);
    expect(peakLiveBytes(traced(chain(1)))).toBe(4 * n);
    expect(peakLiveBytes(traced(chain(9)))).toBe(2 * 4 * n);
  });

  it("keeps what is used later, and takes a view for what it is", () => {
    const kept = (x: tf.Tensor) => {
      const first = tf.exp(x);
      const viewed = tf.reshape(first, [n / 10, 10]);
      const other = tf.sqrt(tf.sin(tf.cos(x)));
      return tf.add(tf.reshape(viewed, [n]), other);
    };
    expect(peakLiveBytes(traced(kept))).toBe(3 * 4 * n);
  });

  it("knows the width of an element", () => {
    expect(bytesOf(leafShape("uint8", 3, 5))).toBe(15);
    expect(bytesOf(leafShape("float32", 3, 5))).toBe(60);
  });
});

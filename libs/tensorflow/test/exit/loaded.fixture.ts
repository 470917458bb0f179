// Run by a Vitest of its own: one test that passes and, if asked for, one that fails.
import { expect, it } from "vitest";
import { tf } from "../../src/index.ts";

it("computes", () => {
  expect(tf.sum(tf.ones([10])).dataSync()[0]).toBe(process.env["FAIL"] === "1" ? 11 : 10);
});

import type { DType, Operation, Program } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { limitMs } from "./limit.ts";
import { productsOf } from "./product.ts";
import { restBytes } from "./rest-bytes.ts";

type Line = [name: string, inputs: number[], output: number[], cast?: "bfloat16"];

/** A program whose values are numbered: first the inputs (of the state, by shape), then the output of each line. */
function program(inputs: number[][], lines: Line[], results: number[], dtypes: Record<number, DType> = {}): Program {
  const shapes = [...inputs, ...lines.map(([, , shape]) => shape)];
  return {
    name: "by hand",
    values: shapes.map((shape, i) => ({ dtype: dtypes[i] ?? "float32", shape })),
    inputs: inputs.map((_, value) => ({ kind: "state", path: `in${value}`, value })),
    operations: lines.map(([name, of, , cast], i): Operation => {
      const operation = { name, attributes: {}, inputs: of, outputs: [inputs.length + i], from: "" };
      return cast === undefined ? operation : { ...operation, cast };
    }),
    results: results.map((value) => ({ kind: "state", path: `out${value}`, value })),
  };
}

const square = [10, 10];
const bytes = 400;

describe("restBytes", () => {
  it("reads and writes once what is fused, however many operations it is", () => {
    const lines: Line[] = [
      ["Mul", [0, 0], square],
      ["Exp", [1], square],
      ["Add", [2, 0], square],
    ];
    expect(restBytes(program([square], lines, [3]))).toBe(2 * bytes);
  });

  it("leaves to products what they read and write themselves", () => {
    expect(restBytes(program([square, square], [["MatMul", [0, 1], square]], [2]))).toBe(0);
  });

  it("counts what lies between two products: read from the first, written for the second", () => {
    const lines: Line[] = [
      ["MatMul", [0, 1], square],
      ["Relu", [2], square],
      ["MatMul", [3, 1], square],
    ];
    expect(restBytes(program([square, square], lines, [4]))).toBe(2 * bytes);
  });

  it("counts again what a later phase reads", () => {
    const lines: Line[] = [
      ["MatMul", [0, 1], square],
      ["Relu", [2], square],
      ["MatMul", [3, 1], square],
      ["Add", [2, 4], square],
    ];
    // Relu: read, written for the product. Add: the first product read again, the second, and the sum written.
    expect(restBytes(program([square, square], lines, [5]))).toBe(5 * bytes);
    const stored: Line[] = [...lines.slice(0, 3), ["Add", [3, 4], square]];
    // Relu's result is stored once, for the product and for the sum.
    expect(restBytes(program([square, square], stored, [5]))).toBe(5 * bytes);
  });

  it("takes a reshape for nothing, and a constant for free", () => {
    const lines: Line[] = [
      ["MatMul", [0, 1], square],
      ["Reshape", [2], [100]],
      ["Const", [], [100]],
      ["Add", [3, 4], [100]],
    ];
    expect(restBytes(program([square, square], lines, [5]))).toBe(2 * bytes);
  });

  it("lets an operation wait for its user, so that its result need not be stored, but not a sum", () => {
    const waiting: Line[] = [
      ["MatMul", [0, 1], square],
      ["Exp", [2], square],
      ["MatMul", [2, 1], square],
      ["Add", [3, 4], square],
    ];
    // All in the last phase: both products read, the sum written.
    expect(restBytes(program([square, square], waiting, [5]))).toBe(3 * bytes);
    const summed: Line[] = [
      ["MatMul", [0, 1], square],
      ["Sum", [2], [10]],
      ["MatMul", [2, 1], square],
      ["Add", [3, 4], square],
    ];
    // The sum reads all in its phase, and is written and read for the last: 400 + 40 + 40 + 400 + 400.
    expect(restBytes(program([square, square], summed, [5]))).toBe(3 * bytes + 80);
  });

  it("moves half of it to and from a product in bfloat16", () => {
    const lines: Line[] = [
      ["MatMul", [0, 1], square, "bfloat16"],
      ["Relu", [2], square],
    ];
    // Operands read in float32 and written in bfloat16, the result read in bfloat16 and written in float32.
    expect(restBytes(program([square, square], lines, [3]))).toBe(2 * 600 + 200 + 400);
  });
});

describe("limitMs", () => {
  const lines: Line[] = [
    ["MatMul", [0, 1], square],
    ["Relu", [2], square],
    ["MatMul", [3, 1], square],
  ];

  it("is the products' time, each as often as it is done, and the rest's bytes over the bandwidth", () => {
    const twice = program([square, square], lines, [4]);
    expect(productsOf(twice).map(({ count, flops }) => [count, flops])).toEqual([[2, 2000]]);
    expect(limitMs(twice, { productMs: ({ flops }) => flops / 1000, bytesPerMs: 100 })).toEqual({
      productMs: 4,
      limitMs: 4 + 8,
    });
  });

  it("tells products apart by shape and precision", () => {
    const mixed: Line[] = [...lines, ["MatMul", [0, 1], square, "bfloat16"], ["MatMul", [0, 2], square]];
    expect(productsOf(program([square, square], mixed, [4])).map(({ count }) => count)).toEqual([3, 1]);
    const wide: Line[] = [
      ["MatMul", [0, 1], [10, 20]],
      ["MatMul", [0, 0], square],
    ];
    expect(productsOf(program([square, [10, 20]], wide, [3]))).toHaveLength(2);
  });
});

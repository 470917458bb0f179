// A program is plain data, and here some are written by hand: what turns them into functions is no part of the package's own interface.

import {
  type Attributes,
  type Compiler,
  type Input,
  type Operation,
  type Program,
  random,
  type Value,
} from "tfjs-libtensorflow";
import { compile } from "../../../libs/tensorflow/src/compiled.ts";
import { newHandle } from "../../../libs/tensorflow/src/core/tensor-memory.ts";
import { uniforms } from "./case.ts";
import { fastestMs } from "./fastest-ms.ts";
import type { Product } from "./product.ts";

/** So many multiplications and additions make one call long enough for its own cost to vanish. */
const flopsPerCall = 8e8;
const mostCopies = 16;
const mostBytes = 1 << 26;

/** Milliseconds of one product, by whichever compiler is faster; `callMs` is what an empty program takes. */
export async function productMs(product: Product, callMs: number): Promise<number> {
  const times = [await timeOf(product, "graph"), await timeOf(product, "xla")];
  return Math.min(...times.map(({ ms, copies }) => Math.max(0, ms - callMs) / copies));
}

async function timeOf(product: Product, compiler: Compiler): Promise<{ ms: number; copies: number }> {
  const copies = copiesOf(product);
  const { program, captured } = microProgram(product, copies);
  const compiled = compile({ program, captured, metrics: { sum: 0 } }, compiler);
  try {
    const word = random.root(random.key(1n)).key;
    return { ms: await fastestMs(async () => (await compiled.run([], [], word)).insideMs), copies };
  } finally {
    compiled.dispose();
  }
}

function copiesOf({ flops, inputs, output }: Product): number {
  const bytes = [...inputs, output].reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
  return Math.max(1, Math.min(mostCopies, Math.round(flopsPerCall / flops), Math.floor(mostBytes / bytes)));
}

/**
 * So many independent copies of a product, of each of which one element is looked at. Which one is an input, so that no compiler can leave
 * the others out. Operands have the product's own precision already, as they would from a fused operation before it.
 */
export function microProgram(product: Product, copies: number): { program: Program; captured: bigint[] } {
  const builder = new MicroProgram();
  const narrow = product.operation.cast === "bfloat16";
  const typed = ({ dtype, shape }: Value): Value => ({
    dtype: narrow && dtype === "float32" ? "bfloat16" : dtype,
    shape,
  });
  const rank = product.output.shape.length;
  const begin = builder.capture({ dtype: "int32", shape: [rank] });
  const size = builder.ints(
    product.output.shape.map(() => 1),
    [rank],
  );
  const scalar = builder.ints([], [0]);
  const picked = Array.from({ length: copies }, () => {
    const inputs = product.inputs.map((input, place) => {
      const fixed = product.fixed.get(place);
      return fixed === undefined ? builder.capture(typed(input)) : builder.add("Const", fixed.attributes, [], input);
    });
    const { name, attributes } = product.operation;
    const made = builder.add(name, narrow ? inBfloat16(attributes) : attributes, inputs, typed(product.output));
    const one = typed({ ...product.output, shape: product.output.shape.map(() => 1) });
    const index = { kind: "type", value: "int32" } as const;
    const T = { kind: "type", value: one.dtype } as const;
    const slice = builder.add("Slice", { T, Index: index }, [made, begin, size], one);
    const reshaped = builder.add("Reshape", { T, Tshape: index }, [slice, scalar], { ...one, shape: [] });
    const types = { SrcT: T, DstT: { kind: "type", value: "float32" } } as const;
    return narrow ? builder.add("Cast", types, [reshaped], { dtype: "float32", shape: [] }) : reshaped;
  });
  const attributes = { T: { kind: "type", value: "float32" }, N: { kind: "int", value: copies } } as const;
  return builder.finish(builder.add("AddN", attributes, picked, { dtype: "float32", shape: [] }));
}

function inBfloat16(attributes: Attributes): Attributes {
  const narrowed = { kind: "type", value: "bfloat16" } as const;
  return Object.fromEntries(
    Object.entries(attributes).map(([name, of]) => [
      name,
      of.kind === "type" && of.value === "float32" ? narrowed : of,
    ]),
  );
}

/** Collects values, operations and captured handles of a program. */
class MicroProgram {
  readonly #values: Value[] = [{ dtype: "uint64", shape: [1] }];
  readonly #inputs: Input[] = [{ kind: "key", path: "key", value: 0 }];
  readonly #operations: Operation[] = [];
  readonly #captured: bigint[] = [];

  capture(value: Value): number {
    this.#captured.push(operand(value));
    const index = this.#values.push(value) - 1;
    this.#inputs.push({ kind: "captured", path: `captured.${this.#captured.length - 1}`, value: index });
    return index;
  }

  ints(data: readonly number[], shape: readonly number[]): number {
    const value = { dtype: "int32", shape, data: Int32Array.from(data) } as const;
    const attributes = { dtype: { kind: "type", value: "int32" }, value: { kind: "tensor", value } } as const;
    return this.add("Const", attributes, [], { dtype: "int32", shape });
  }

  add(name: string, attributes: Attributes, inputs: readonly number[], output: Value): number {
    const index = this.#values.push(output) - 1;
    this.#operations.push({ name, attributes, inputs, outputs: [index], from: "bench" });
    return index;
  }

  finish(value: number): { program: Program; captured: bigint[] } {
    const results = [{ kind: "metric", path: "sum", value } as const];
    const program = {
      name: "product",
      values: this.#values,
      inputs: this.#inputs,
      operations: this.#operations,
      results,
    };
    return { program, captured: this.#captured };
  }
}

/** Numbers from 1 to 2, which no kernel finds easier than others; of whole numbers, zeros. */
function operand({ dtype, shape }: Value): bigint {
  const length = shape.reduce((product, n) => product * n, 1);
  if (dtype === "int32") return newHandle(dtype, shape, new Int32Array(length));
  const uniform = uniforms();
  const data = Float32Array.from({ length }, () => 1 + uniform());
  if (dtype === "float32") return newHandle(dtype, shape, data);
  const words = new Uint16Array(data.buffer);
  return newHandle(
    "bfloat16",
    shape,
    Uint16Array.from({ length }, (_, i) => words[2 * i + 1] as number),
  );
}

import { countFlops, type Operation, type Program, type Value } from "tfjs-libtensorflow";

const products: ReadonlySet<string> = new Set([
  "MatMul",
  "BatchMatMul",
  "BatchMatMulV2",
  "Conv2D",
  "Conv2DBackpropInput",
  "Conv2DBackpropFilter",
]);

/** Whether an operation is a matrix product, a convolution or a gradient of one. */
export function isProduct({ name }: { name: string }): boolean {
  return products.has(name);
}

/** A product by itself: equal ones take equal time. */
export interface Product {
  readonly operation: Operation;
  readonly inputs: readonly Value[];
  readonly output: Value;
  /** Operands of which the values matter, such as the shape that a convolution's gradient is given; by place. */
  readonly fixed: ReadonlyMap<number, Operation>;
  readonly flops: number;
  /** How often the program does it. */
  readonly count: number;
}

/** The different products of a program, by operation, shapes and precision. */
export function productsOf(program: Program): Product[] {
  const found = new Map<string, Product>();
  const { operations, values } = program;
  const constants = new Map(
    operations.flatMap((o) => (o.name === "Const" ? [[o.outputs[0] as number, o] as const] : [])),
  );
  for (const operation of operations.filter(isProduct)) {
    const inputs = operation.inputs.map((input) => values[input] as Value);
    const output = values[operation.outputs[0] as number] as Value;
    const name = JSON.stringify([operation.name, operation.attributes, operation.cast, inputs, output], plain);
    const known = found.get(name);
    const fixed = operation.inputs.flatMap((input, place) => {
      const constant = values[input]?.dtype === "int32" ? constants.get(input) : undefined;
      return constant === undefined ? [] : [[place, constant] as const];
    });
    const flops = countFlops({ ...program, operations: [operation] });
    found.set(
      name,
      known === undefined
        ? { operation, inputs, output, fixed: new Map(fixed), flops, count: 1 }
        : { ...known, count: known.count + 1 },
    );
  }
  return [...found.values()];
}

function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

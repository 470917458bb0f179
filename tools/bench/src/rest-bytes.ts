import type { DType, Operation, Program, Value } from "tfjs-libtensorflow";
import { isProduct } from "./product.ts";

/** Operations whose result is their first input under another shape. */
const views: ReadonlySet<string> = new Set(["Reshape", "ExpandDims", "Squeeze", "Identity"]);
/** Operations whose result need not be read from memory. */
const constants: ReadonlySet<string> = new Set(["Const", "Fill", "ZerosLike", "OnesLike", "Range"]);

const bytesOf: Partial<Record<DType, number>> = { bfloat16: 2, uint8: 1, bool: 1, int64: 8, uint64: 8 };

/**
 * Bytes that a step has to read and write between its products and convolutions if everything else were fused perfectly: the products cut
 * the step into phases (how many of them lie before); inside a phase nothing goes through memory. What one phase makes and another or a
 * product uses is written once, and read once by each phase that uses it; so is what products make, and the state is read and written
 * once. What products read and write themselves is not counted: it is in their own time. Nothing is computed twice; an operation waits
 * for the phase of its users where that moves no more bytes.
 */
export function restBytes(program: Program): number {
  const { operations, values } = withCasts(program);
  const rest = new Rest(operations, values);
  for (const { value } of program.results) rest.keep(value);
  return rest.bytes();
}

/** The program with casts to bfloat16 and back as operations of their own, a value cast once. */
export function withCasts(program: Program): { operations: Operation[]; values: Value[] } {
  const values = [...program.values];
  const narrowed = new Map<number, number>();
  const operations = program.operations.flatMap((operation): Operation[] => {
    if (operation.cast === undefined) return [operation];
    const casts: Operation[] = [];
    const add = (value: number) => values.push({ dtype: "bfloat16", shape: (values[value] as Value).shape }) - 1;
    const cast = (from: number, to: number): Operation => ({
      name: "Cast",
      attributes: {},
      inputs: [from],
      outputs: [to],
      from: "",
    });
    const inputs = operation.inputs.map((input) => {
      if (values[input]?.dtype !== "float32") return input;
      const known = narrowed.get(input) ?? add(input);
      if (!narrowed.has(input)) casts.push(cast(input, known));
      narrowed.set(input, known);
      return known;
    });
    const outputs = operation.outputs.map(add);
    const back = operation.outputs.map((output, i) => cast(outputs[i] as number, output));
    return [...casts, { ...operation, inputs, outputs }, ...back];
  });
  return { operations, values };
}

class Rest {
  readonly #operations: readonly Operation[];
  readonly #values: readonly Value[];
  /** Values that are the same memory have one root. */
  readonly #roots = new Map<number, number>();
  /** Phase of each operation: how many products lie before it at least. */
  readonly #phases = new Map<Operation, number>();
  /** Who makes a value; program inputs have no maker. */
  readonly #makers = new Map<number, Operation>();
  readonly #kept = new Set<number>();

  constructor(operations: readonly Operation[], values: readonly Value[]) {
    this.#values = values;
    for (const { name, inputs, outputs } of operations)
      if (views.has(name)) this.#roots.set(outputs[0] as number, this.#root(inputs[0] as number));
    this.#operations = operations.filter(({ name }) => !views.has(name));
    for (const operation of this.#operations) {
      for (const output of operation.outputs) this.#makers.set(output, operation);
      this.#phases.set(operation, Math.max(0, ...operation.inputs.map((input) => this.#ready(input))));
    }
    this.#delay();
  }

  /** A result of the program: it is written. */
  keep(value: number): void {
    this.#kept.add(this.#root(value));
  }

  bytes(): number {
    const written = new Set<number>();
    const read = new Set<string>();
    for (const value of this.#kept) if (this.#isOfRest(value)) written.add(value);
    for (const operation of this.#operations) {
      for (const input of this.#inputsOf(operation)) {
        const maker = this.#makers.get(input);
        const phase = this.#phases.get(operation) as number;
        if (maker !== undefined && !isProduct(maker) && !isProduct(operation) && this.#phases.get(maker) === phase)
          continue;
        if (this.#isOfRest(input)) written.add(input);
        if (!isProduct(operation)) read.add(`${input} ${phase}`);
      }
    }
    const reads = [...read].map((entry) => Number.parseInt(entry, 10));
    return [...written, ...reads].reduce((sum, value) => sum + this.#size(value), 0);
  }

  /** Puts operations off to their first user, from the last one back, where their inputs are no more bytes than their outputs. */
  #delay(): void {
    const users = new Map<number, number>();
    for (const operation of this.#operations.toReversed()) {
      const inputs = this.#inputsOf(operation);
      const wanted = Math.min(...operation.outputs.map((output) => users.get(output) ?? Number.POSITIVE_INFINITY));
      const sum = (list: readonly number[]) => list.reduce((total, value) => total + this.#size(value), 0);
      const mayWait = !isProduct(operation) && Number.isFinite(wanted) && sum(inputs) <= 1.1 * sum(operation.outputs);
      if (mayWait) this.#phases.set(operation, wanted);
      const phase = this.#phases.get(operation) as number;
      for (const input of inputs) users.set(input, Math.min(phase, users.get(input) ?? Number.POSITIVE_INFINITY));
    }
  }

  /** The phase from which a value is there. */
  #ready(value: number): number {
    const maker = this.#makers.get(this.#root(value));
    if (maker === undefined) return 0;
    return (this.#phases.get(maker) as number) + (isProduct(maker) ? 1 : 0);
  }

  #root(value: number): number {
    return this.#roots.get(value) ?? value;
  }

  /** What an operation needs from memory, or from operations of its phase. */
  #inputsOf({ name, inputs }: Operation): number[] {
    if (constants.has(name)) return [];
    const roots = inputs.map((input) => this.#root(input));
    return roots.filter((root) => !constants.has(this.#makers.get(root)?.name ?? ""));
  }

  #isOfRest(value: number): boolean {
    const maker = this.#makers.get(value);
    return maker !== undefined && !isProduct(maker) && !constants.has(maker.name);
  }

  #size(value: number): number {
    const { dtype, shape } = this.#values[value] as Value;
    return shape.reduce((product, n) => product * n, bytesOf[dtype] ?? 4);
  }
}

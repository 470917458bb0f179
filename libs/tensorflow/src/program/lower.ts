import { tensorflowContext } from "../core/context.ts";
import { check, status } from "../core/status.ts";
import { api, type Output, packOutputs } from "../ffi/api.ts";
import type { Attributes } from "./attribute.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { lateOperations } from "./late.ts";
import { type Input, type Operation, type Program, type Value, valueText } from "./program.ts";

/** A program as a function that TensorFlow can call. */
export interface LoweredFunction {
  /** Its name in the TensorFlow context. */
  readonly name: string;
  /** What to pass, in order: for an input of kind `state` the resource of its variable. */
  readonly inputs: readonly Input[];
  /** Number of outputs: the metrics, in the order of the program's results. */
  readonly outputCount: number;
}

let serial = 0;

/**
 * Adds a program to the TensorFlow context as a function. The leaves of the state are resource variables, read when the function begins
 * and assigned before it ends, so that their memory is not held twice; the results of kind `metric` are its outputs.
 * Throws `TensorFlowError`.
 */
export function lower(program: Program): LoweredFunction {
  const builder = new GraphBuilder();
  try {
    const name = `${program.name.replace(/[^A-Za-z0-9_]/g, "_")}_${process.pid}_${serial++}`;
    const body = new Body(program, builder);
    const outputs = program.results.filter(({ kind }) => kind === "metric").map(({ value }) => body.output(value));
    define(name, builder.graph, body.inputs(), outputs, body.assignments());
    return { name, inputs: program.inputs, outputCount: outputs.length };
  } finally {
    builder.dispose();
  }
}

/** Removes a function from the context. */
export function removeFunction(name: string): void {
  api().TFE_ContextRemoveFunction(tensorflowContext(), name, status());
  check(status(), () => ({ op: name }));
}

class Body {
  readonly #program: Program;
  readonly #builder: GraphBuilder;
  readonly #nodes: Output[] = [];
  readonly #arguments: Output[] = [];
  readonly #variables = new Map<string, { resource: Output; read: bigint }>();

  constructor(program: Program, builder: GraphBuilder) {
    this.#program = program;
    this.#builder = builder;
    for (const input of program.inputs) this.#addInput(input);
    this.#addOperations();
  }

  /** Adds the operations in the order of the program, but those that can wait only before the one that uses them. */
  #addOperations(): void {
    const late = lateOperations(this.#program);
    const makers = new Map(
      [...late.keys()].flatMap((operation) => operation.outputs.map((output) => [output, operation])),
    );
    const add = (operation: Operation) => {
      for (const input of operation.inputs) {
        const waiting = makers.get(input);
        if (waiting !== undefined && this.#nodes[input] === undefined) add(waiting);
      }
      const wait = late.get(operation);
      this.#addOperation(operation, wait === undefined ? [] : [this.#node(wait).oper]);
    };
    for (const operation of this.#program.operations) if (!late.has(operation)) add(operation);
  }

  #addOperation({ name, attributes, inputs, outputs }: Operation, after: bigint[]): void {
    const nodes = inputs.map((input) => this.#node(input));
    const describe = () => inputs.map((input) => valueText(this.#program.values[input] as Value));
    const oper = this.#builder.addAfter(name, attributes, nodes, after, describe);
    outputs.forEach((value, index) => {
      this.#nodes[value] = { oper, index };
    });
  }

  #addInput({ kind, path, value }: Input): void {
    const { dtype, shape } = this.#program.values[value] as Value;
    if (kind !== "state") {
      const oper = this.#builder.add(
        "Placeholder",
        { dtype: { kind: "type", value: dtype }, shape: { kind: "shape", value: shape } },
        [],
      );
      this.#nodes[value] = { oper, index: 0 };
      this.#arguments.push({ oper, index: 0 });
      return;
    }
    const scalar: Attributes = { dtype: { kind: "type", value: "resource" }, shape: { kind: "shape", value: [] } };
    const resource = { oper: this.#builder.add("Placeholder", scalar, []), index: 0 };
    const read = this.#builder.add("ReadVariableOp", { dtype: { kind: "type", value: dtype } }, [resource]);
    // A function's argument does not carry the shape of its variable, and TensorFlow's rewrites want shapes.
    const sized = this.#builder.add(
      "EnsureShape",
      { T: { kind: "type", value: dtype }, shape: { kind: "shape", value: shape } },
      [{ oper: read, index: 0 }],
    );
    this.#arguments.push(resource);
    this.#nodes[value] = { oper: sized, index: 0 };
    this.#variables.set(path, { resource, read });
  }

  #node(value: number): Output {
    const node = this.#nodes[value];
    if (node === undefined)
      throw new Error(`program "${this.#program.name}": value ${value} is used before it is made`);
    return node;
  }

  inputs(): Output[] {
    return this.#arguments;
  }

  /** A value as an output of the function; one that is an input as well needs an operation between. */
  output(value: number): Output {
    const { dtype } = this.#program.values[value] as Value;
    return {
      oper: this.#builder.add("Identity", { T: { kind: "type", value: dtype } }, [this.#node(value)]),
      index: 0,
    };
  }

  /** Assigns the next state. A variable is read before it is assigned, also where its next value does not depend on it. */
  assignments(): bigint[] {
    return this.#program.results.flatMap(({ kind, path, value }) => {
      const variable = this.#variables.get(path);
      if (kind !== "state" || variable === undefined) return [];
      const { dtype } = this.#program.values[value] as Value;
      const attributes: Attributes = { dtype: { kind: "type", value: dtype } };
      return [
        this.#builder.addAfter("AssignVariableOp", attributes, [variable.resource, this.#node(value)], [variable.read]),
      ];
    });
  }
}

function define(name: string, graph: bigint, inputs: Output[], outputs: Output[], controls: bigint[]): void {
  const c = api();
  const packed = BigUint64Array.from(controls.length > 0 ? controls : [0n]);
  const fn = c.TF_GraphToFunctionWithControlOutputs(
    graph,
    name,
    0,
    -1,
    null,
    inputs.length,
    packOutputs(inputs),
    outputs.length,
    packOutputs(outputs),
    null,
    controls.length,
    packed,
    null,
    null,
    null,
    status(),
  );
  check(status(), () => ({ op: name }));
  c.TFE_ContextAddFunction(tensorflowContext(), fn as bigint, status());
  c.TF_DeleteFunction(fn as bigint);
  check(status(), () => ({ op: name }));
}

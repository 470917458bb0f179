import { check, status } from "../core/status.ts";
import { dtypeName } from "../dtype.ts";
import { TensorFlowError } from "../errors.ts";
import { api, type Output, packOutputs } from "../ffi/api.ts";
import { type Attributes, setGraphAttribute } from "./attribute.ts";
import type { Value } from "./program.ts";

/** Operations with a list among their inputs: how many of the last inputs stand outside of it. Their `N` follows from the list. */
const LIST_INPUTS: Record<string, number> = {
  AddN: 0,
  ConcatV2: 1,
  Einsum: 0,
  IdentityN: 0,
  Pack: 0,
  DynamicStitch: 0,
};

/** Adds operations to a `TF_Graph`. */
export class GraphBuilder {
  readonly graph: bigint = api().TF_NewGraph();
  #count = 0;

  /** Adds an operation and returns it; `describe` gives the inputs' text for an error. Throws `TensorFlowError`. */
  add(name: string, attributes: Attributes, inputs: readonly Output[], describe?: () => string[]): bigint {
    return this.addAfter(name, attributes, inputs, [], describe);
  }

  /** The same, to run after other operations. */
  addAfter(
    name: string,
    attributes: Attributes,
    inputs: readonly Output[],
    after: readonly bigint[],
    describe?: () => string[],
  ): bigint {
    const c = api();
    const description = c.TF_NewOperation(this.graph, name, `${name}_${this.#count++}`);
    const single = LIST_INPUTS[name];
    if (single === undefined) for (const input of inputs) c.TF_AddInput(description, input);
    else {
      const list = inputs.slice(0, inputs.length - single);
      c.TF_AddInputList(description, packOutputs(list), list.length);
      for (const input of inputs.slice(list.length)) c.TF_AddInput(description, input);
    }
    for (const operation of after) c.TF_AddControlInput(description, operation);
    for (const [key, attribute] of Object.entries(attributes))
      if (single === undefined || key !== "N") setGraphAttribute(description, key, attribute);
    const operation = c.TF_FinishOperation(description, status());
    check(status(), () => ({ op: name, inputs: describe?.() }));
    return operation as bigint;
  }

  /** Dtype and shape of an output by TensorFlow's own inference. Throws `TensorFlowError` when a size depends on values. */
  describe(output: Output, name: string): Value {
    const c = api();
    const rank = c.TF_GraphGetTensorNumDims(this.graph, output, status());
    check(status(), () => ({ op: name }));
    const dims = new BigInt64Array(Math.max(1, rank));
    if (rank > 0) c.TF_GraphGetTensorShape(this.graph, output, dims, rank, status());
    check(status(), () => ({ op: name }));
    const shape = Array.from(dims.subarray(0, Math.max(0, rank)), Number);
    if (rank < 0 || shape.some((n) => n < 0))
      throw new TensorFlowError(
        "UNIMPLEMENTED",
        "the shape of its result depends on values, and a program has fixed shapes",
        {
          op: name,
        },
      );
    return { dtype: dtypeName(c.TF_OperationOutputType(output)), shape };
  }

  dispose(): void {
    api().TF_DeleteGraph(this.graph);
  }
}

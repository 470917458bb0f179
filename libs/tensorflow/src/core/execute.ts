import { api } from "../ffi/api.ts";
import { type Attributes, setEagerAttribute } from "../program/attribute.ts";
import { tensorflowContext } from "./context.ts";
import { check, status } from "./status.ts";

/**
 * Runs one operation at once and returns the handles of its outputs, at most `maxOutputs`, which the caller deletes.
 * `describe` gives the inputs' text for an error. Throws `TensorFlowError`.
 */
export function execute(
  name: string,
  attributes: Attributes,
  inputs: readonly bigint[],
  maxOutputs: number,
  describe?: () => string[],
): bigint[] {
  const c = api();
  const operands = () => ({ op: name, inputs: describe?.() });
  const op = c.TFE_NewOp(tensorflowContext(), name, status());
  check(status(), operands);
  try {
    for (const input of inputs) {
      c.TFE_OpAddInput(op as bigint, input, status());
      check(status(), operands);
    }
    // After the inputs, as in tfjs-node's addon: what TensorFlow infers from them stands, and some kernels name another dtype.
    for (const [key, attribute] of Object.entries(attributes)) setEagerAttribute(op as bigint, key, attribute);
    const outputs = new BigUint64Array(Math.max(1, maxOutputs));
    const count = Int32Array.of(maxOutputs);
    c.TFE_Execute(op as bigint, outputs, count, status());
    check(status(), operands);
    return Array.from(outputs.subarray(0, count[0]));
  } finally {
    c.TFE_DeleteOp(op as bigint);
  }
}

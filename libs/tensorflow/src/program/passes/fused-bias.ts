import type { Attributes } from "../attribute.ts";
import type { Operation, Program } from "../program.ts";
import { castTypes } from "./expand-casts.ts";
import { consumers, isCast, producers, rewrite } from "./rewrite.ts";

const PRODUCTS = new Set(["MatMul", "Conv2D"]);

/**
 * Writes the sum of a product or convolution and a vector along its last axis as `BiasAdd`, which TensorFlow's rewrites fuse into the
 * product. Under autocast the bias is rounded with the product's other operands, and the sum is rounded once.
 */
export function fusedBias(program: Program): Program {
  const makers = producers(program);
  const uses = consumers(program);
  const once = (value: number) => uses.get(value)?.length === 1;
  const biased = new Set<Operation>();
  return rewrite(program, (operation, editor) => {
    if (operation.name !== "Add" && operation.name !== "AddV2") return;
    for (const [sum, bias] of [operation.inputs, operation.inputs.toReversed()] as [number, number][]) {
      const { shape, dtype } = editor.value(sum);
      const width = editor.value(bias).shape;
      if (dtype !== "float32" || !once(sum) || width.length !== 1 || width[0] !== shape.at(-1) || shape.length < 2)
        continue;
      const maker = makers.get(sum);
      const narrow = isCast(maker, "bfloat16", "float32") ? maker?.inputs[0] : undefined;
      const product = narrow === undefined ? maker : makers.get(narrow);
      if (product === undefined || !PRODUCTS.has(product.name) || biased.has(product)) continue;
      if (narrow !== undefined && !once(narrow)) continue;
      biased.add(product);
      return narrow !== undefined
        ? inBfloat16(operation, narrow, bias)
        : [add(operation, "float32", sum, bias, operation.outputs[0] as number)];
    }
    return;

    function inBfloat16({ outputs, from }: Operation, narrow: number, bias: number): Operation[] {
      const narrowBias = editor.newValue({ dtype: "bfloat16", shape: editor.value(bias).shape });
      const result = editor.newValue({ dtype: "bfloat16", shape: editor.value(narrow).shape });
      return [
        { name: "Cast", attributes: castTypes("float32", "bfloat16"), inputs: [bias], outputs: [narrowBias], from },
        add(operation, "bfloat16", narrow, narrowBias, result),
        { name: "Cast", attributes: castTypes("bfloat16", "float32"), inputs: [result], outputs, from },
      ];
    }
  });
}

function add(
  { from }: Operation,
  dtype: "float32" | "bfloat16",
  value: number,
  bias: number,
  output: number,
): Operation {
  const attributes: Attributes = { T: { kind: "type", value: dtype }, data_format: { kind: "string", value: "NHWC" } };
  return { name: "BiasAdd", attributes, inputs: [value, bias], outputs: [output], from };
}

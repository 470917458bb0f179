import type { Attributes } from "../attribute.ts";
import type { Operation, Program } from "../program.ts";
import { castTypes } from "./expand-casts.ts";
import { type Editor, rewrite } from "./rewrite.ts";

/**
 * Makes uniform numbers from 32-bit words by operations: the lowest 23 bits times 2^-23, as TensorFlow's own kernel does. XLA draws the same
 * words, but takes the highest 23 bits, and a step would then draw other numbers by `xla` than by `graph` and eagerly.
 */
export function uniformFromBits(program: Program): Program {
  return rewrite(program, (operation, editor) =>
    operation.name === "StatelessRandomUniformV2" ? expand(operation, editor) : undefined,
  );
}

function expand({ inputs, outputs, attributes, from }: Operation, editor: Editor): Operation[] {
  const output = outputs[0] as number;
  const { shape } = editor.value(output);
  const words = editor.newValue({ dtype: "int32", shape });
  const low = editor.newValue({ dtype: "int32", shape });
  const float = editor.newValue({ dtype: "float32", shape });
  const mask = editor.constant({ dtype: "int32", shape: [], data: Int32Array.of(0x7fffff) }, from);
  const unit = editor.constant({ dtype: "float32", shape: [], data: Float32Array.of(2 ** -23) }, from);
  const int: Attributes = { T: { kind: "type", value: "int32" } };
  return [
    mask.operation,
    unit.operation,
    {
      name: "StatelessRandomUniformFullIntV2",
      attributes: { ...attributes, dtype: { kind: "type", value: "int32" } },
      inputs,
      outputs: [words],
      from,
    },
    { name: "BitwiseAnd", attributes: int, inputs: [words, mask.value], outputs: [low], from },
    { name: "Cast", attributes: castTypes("int32", "float32"), inputs: [low], outputs: [float], from },
    {
      name: "Mul",
      attributes: { T: { kind: "type", value: "float32" } },
      inputs: [float, unit.value],
      outputs: [output],
      from,
    },
  ];
}

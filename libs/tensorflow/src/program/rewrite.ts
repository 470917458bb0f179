import type { ConstantValue } from "./attribute.ts";
import type { Operation, Program, Value } from "./program.ts";

/** What a rewrite needs to make new operations. */
export interface Editor {
  /** Dtype and shape of a value. */
  value(index: number): Value;
  /** A new value, to be the output of a new operation. */
  newValue(value: Value): number;
  /** A new constant: its value, and the operation that makes it. */
  constant(constant: ConstantValue, from: string): { value: number; operation: Operation };
}

/** Replaces each operation for which `replace` gives others; the outputs keep their indices, so that nothing else changes. */
export function rewrite(
  program: Program,
  replace: (operation: Operation, editor: Editor) => readonly Operation[] | undefined,
): Program {
  const values = [...program.values];
  const editor = editorOf(values);
  const operations = program.operations.flatMap((operation) => replace(operation, editor) ?? [operation]);
  return { ...program, values, operations };
}

/** An editor that appends to `values`. */
export function editorOf(values: Value[]): Editor {
  const newValue = (value: Value) => values.push(value) - 1;
  return {
    value: (index) => values[index] as Value,
    newValue,
    constant(constant, from) {
      const value = newValue({ dtype: constant.dtype, shape: constant.shape });
      const operation: Operation = {
        name: "Const",
        attributes: { dtype: { kind: "type", value: constant.dtype }, value: { kind: "tensor", value: constant } },
        inputs: [],
        outputs: [value],
        from,
      };
      return { value, operation };
    },
  };
}

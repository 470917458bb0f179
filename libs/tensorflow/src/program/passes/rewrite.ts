import type { ConstantValue } from "../attribute.ts";
import type { Operation, Program, Value } from "../program.ts";

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

/** For each value the operation that makes it; undefined for inputs. */
export function producers({ operations }: Program): Map<number, Operation> {
  return new Map(operations.flatMap((operation) => operation.outputs.map((output) => [output, operation] as const)));
}

/** For each value the operations that use it, and `"result"` for each result that it is. */
export function consumers({ operations, results }: Program): Map<number, (Operation | "result")[]> {
  const uses = new Map<number, (Operation | "result")[]>();
  const use = (value: number, user: Operation | "result") => {
    const known = uses.get(value);
    if (known === undefined) uses.set(value, [user]);
    else known.push(user);
  };
  for (const operation of operations) for (const input of operation.inputs) use(input, operation);
  for (const { value } of results) use(value, "result");
  return uses;
}

/** Leaves out operations whose outputs nobody uses. */
export function withoutUnused(program: Program): Program {
  const used = new Set(program.results.map(({ value }) => value));
  const kept: Operation[] = [];
  for (const operation of program.operations.toReversed()) {
    if (!operation.outputs.some((output) => used.has(output))) continue;
    for (const input of operation.inputs) used.add(input);
    kept.push(operation);
  }
  return { ...program, operations: kept.reverse() };
}

/** Whether an operation is a `Cast` between two dtypes. */
export function isCast(operation: Operation | undefined, from: string, to: string): boolean {
  return (
    operation?.name === "Cast" &&
    operation.attributes["SrcT"]?.value === from &&
    operation.attributes["DstT"]?.value === to
  );
}

import type { ConstantValue } from "../attribute.ts";
import type { Operation, Program } from "../program.ts";
import { castTypes, inBfloat16 } from "./expand-casts.ts";
import { consumers, type Editor, isCast, producers, rewrite, withoutUnused } from "./rewrite.ts";

/** Operations that move their first input's elements and do nothing else to them. */
const MOVES = new Set(["Reshape", "Transpose", "SplitV", "Slice", "StridedSlice", "ExpandDims", "Squeeze", "Identity"]);

/**
 * Moves casts from bfloat16 to float32 behind operations that only move elements, and behind products with a constant that bfloat16 holds
 * exactly where the result is narrowed again; then a value that would be widened and narrowed again stays as it is. Half the bytes move,
 * and nothing else changes: no value is rounded that was not rounded there.
 */
export function sunkCasts(program: Program): Program {
  const makers = producers(program);
  const uses = consumers(program);
  const narrowOf = new Map<number, number>();
  for (const operation of program.operations)
    if (isCast(operation, "bfloat16", "float32"))
      narrowOf.set(operation.outputs[0] as number, operation.inputs[0] as number);

  const sunk = rewrite(program, (operation, editor) => {
    const { name, inputs, outputs } = operation;
    if (isCast(operation, "float32", "bfloat16")) {
      const narrow = narrowOf.get(inputs[0] as number);
      return narrow === undefined
        ? undefined
        : [{ ...operation, name: "Identity", attributes: typeT, inputs: [narrow] }];
    }
    if (MOVES.has(name)) {
      const narrow = narrowOf.get(inputs[0] as number);
      return narrow === undefined ? undefined : sink(operation, [narrow, ...inputs.slice(1)], editor, []);
    }
    if (name !== "Mul" || !(uses.get(outputs[0] as number) ?? []).every(narrows)) return;
    for (const [x, factor] of [inputs, inputs.toReversed()] as [number, number][]) {
      const narrow = narrowOf.get(x);
      const constant = exactInBfloat16(makers.get(factor));
      if (narrow === undefined || constant === undefined) continue;
      const { value, operation: made } = editor.constant(constant, operation.from);
      return sink(operation, [narrow, value], editor, [made]);
    }
    return;
  });
  return withoutUnused(sunk);

  function sink(operation: Operation, inputs: number[], editor: Editor, before: Operation[]): Operation[] {
    const narrow = operation.outputs.map((output) => editor.newValue({ ...editor.value(output), dtype: "bfloat16" }));
    const casts = operation.outputs.map((output, i): Operation => {
      narrowOf.set(output, narrow[i] as number);
      return {
        name: "Cast",
        attributes: castTypes("bfloat16", "float32"),
        inputs: [narrow[i] as number],
        outputs: [output],
        from: operation.from,
      };
    });
    return [
      ...before,
      { ...operation, attributes: inBfloat16(operation.attributes), inputs, outputs: narrow },
      ...casts,
    ];
  }

  /** Whether all that follows narrows the value, at once or after it was moved. */
  function narrows(user: Operation | "result"): boolean {
    if (user === "result") return false;
    if (isCast(user, "float32", "bfloat16")) return true;
    return MOVES.has(user.name) && user.outputs.every((output) => (uses.get(output) ?? []).every(narrows));
  }
}

const typeT = { T: { kind: "type", value: "bfloat16" } } as const;

/** A scalar constant in bfloat16, if it is one that loses nothing: its lower 16 bits are zero. */
function exactInBfloat16(operation: Operation | undefined): ConstantValue | undefined {
  const value = operation?.attributes["value"];
  if (
    operation?.name !== "Const" ||
    value?.kind !== "tensor" ||
    value.value.dtype !== "float32" ||
    value.value.shape.length > 0
  )
    return;
  const bits = new Uint32Array(Float32Array.from(value.value.data as Float32Array).buffer)[0] as number;
  if ((bits & 0xffff) !== 0) return;
  return { dtype: "bfloat16", shape: [], data: Uint16Array.of(bits >>> 16) };
}

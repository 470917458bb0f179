import type { DType } from "../../dtype.ts";
import type { Attributes } from "../attribute.ts";
import type { Operation, Program, Value } from "../program.ts";

/**
 * Turns the marks of autocast into `Cast` operations: float32 inputs of a marked operation are rounded to bfloat16 (a value that several
 * operations use is cast once), it computes in bfloat16, and its outputs are cast back to float32.
 */
export function expandCasts(program: Program): Program {
  const values: Value[] = [...program.values];
  const operations: Operation[] = [];
  const narrowed = new Map<number, number>();
  const newValue = (dtype: DType, like: number) => values.push({ dtype, shape: (values[like] as Value).shape }) - 1;
  const cast = (input: number, output: number, from: string) =>
    operations.push({
      name: "Cast",
      attributes: castTypes((values[input] as Value).dtype, (values[output] as Value).dtype),
      inputs: [input],
      outputs: [output],
      from,
    });
  const narrow = (input: number, from: string) => {
    if ((values[input] as Value).dtype !== "float32") return input;
    const known = narrowed.get(input);
    if (known !== undefined) return known;
    const output = newValue("bfloat16", input);
    cast(input, output, from);
    narrowed.set(input, output);
    return output;
  };
  for (const operation of program.operations) {
    if (operation.cast === undefined) {
      operations.push(operation);
      continue;
    }
    const { cast: _, ...rest } = operation;
    const inputs = operation.inputs.map((input) => narrow(input, operation.from));
    const outputs = operation.outputs.map((output) => newValue("bfloat16", output));
    operations.push({ ...rest, attributes: inBfloat16(operation.attributes), inputs, outputs });
    for (const [i, output] of operation.outputs.entries()) cast(outputs[i] as number, output, operation.from);
  }
  return { ...program, values, operations };
}

/** The attributes of a `Cast`. */
export function castTypes(from: DType, to: DType): Attributes {
  return { SrcT: { kind: "type", value: from }, DstT: { kind: "type", value: to } };
}

/** The attributes with type float32 replaced by bfloat16. */
export function inBfloat16(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => [
      name,
      attribute.kind === "type" && attribute.value === "float32" ? { kind: "type", value: "bfloat16" } : attribute,
    ]),
  );
}

import type { Attribute } from "./attribute.ts";
import { type Program, valueText } from "./program.ts";

/**
 * A program as text, one line an operation, for reading and for comparing:
 * `%4: float32[2,3] = MatMul(%1, %2) transpose_a=false  # tf.matMul, bfloat16`.
 */
export function printProgram({ name, inputs, values, operations, results }: Program): string {
  const typed = (index: number) => `%${index}: ${valueText(values[index] ?? { dtype: "float32", shape: [] })}`;
  return [
    `program ${name}`,
    ...inputs.map(({ kind, path, value }) => `${typed(value)} = input ${kind} ${path}`),
    ...operations.map(({ name: op, attributes, inputs: args, outputs, from, cast }) => {
      const call = `${op}(${args.map((i) => `%${i}`).join(", ")})`;
      const details = Object.entries(attributes).map(([key, attribute]) => ` ${key}=${attributeText(attribute)}`);
      return `${outputs.map(typed).join(", ")} = ${call}${details.join("")}  # ${from}${cast === undefined ? "" : `, ${cast}`}`;
    }),
    ...results.map(({ kind, path, value }) => `result ${kind} ${path} = %${value}`),
  ].join("\n");
}

function attributeText(attribute: Attribute): string {
  if (attribute.kind === "tensor") {
    const { data } = attribute.value;
    const shown = Array.from(data as ArrayLike<number | bigint>).slice(0, 8);
    return `${valueText(attribute.value)}{${shown.join(" ")}${data.length > shown.length ? " ..." : ""}}`;
  }
  return Array.isArray(attribute.value) ? `[${attribute.value.join(",")}]` : String(attribute.value);
}

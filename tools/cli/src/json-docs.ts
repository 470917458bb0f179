import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { checkout } from "./checkout.ts";
import { documents, errorDocument } from "./documents.ts";

/** Where the documents are described for people, and as JSON Schema for programs. */
export const jsonDocsPath = join(checkout, "docs/json.md");
/** JSON Schemas by command. */
export const jsonSchemasPath = join(checkout, "docs/json-schemas.json");

const introduction = `# JSON on standard output

Every command takes \`--json\` and then prints exactly one JSON document on standard output; logs and progress go to
standard error, and the exit code says how it ended. Members may be added in later versions; none of these will change
its meaning or go.

As JSON Schema: [json-schemas.json](json-schemas.json). Both files are written by \`node tools/cli/src/json-docs.ts\` from the
schemas that the commands themselves use.`;

/** The text of docs/json.md. */
export function jsonDocs(): string {
  const sections = Object.entries(documents).map(([command, schema]) => section(`peco ${command} --json`, schema));
  return `${[introduction, ...sections, section("When a command fails", errorDocument)].join("\n\n")}\n`;
}

/** The text of docs/json-schemas.json. */
export function jsonSchemas(): string {
  const all = { ...documents, error: errorDocument };
  return `${JSON.stringify(Object.fromEntries(Object.entries(all).map(([command, schema]) => [command, z.toJSONSchema(schema)])), null, 1)}\n`;
}

function section(title: string, schema: z.ZodType): string {
  const heading = title.startsWith("peco ") ? `\`${title}\`` : title;
  return `## ${heading}\n\n\`\`\`ts\n${notation(z.toJSONSchema(schema), "")}\n\`\`\``;
}

type Schema = z.core.JSONSchema.JSONSchema;

/** A JSON Schema in the notation of TypeScript's types, descriptions as comments. */
function notation(schema: Schema | boolean, indent: string): string {
  if (typeof schema === "boolean") return "JSON";
  const { type, properties, items, prefixItems, additionalProperties, propertyNames } = schema;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map((each) => notation(each as Schema, indent)).join(" | ");
  if (type === "array" && Array.isArray(prefixItems))
    return `[${prefixItems.map((each) => notation(each as Schema, indent)).join(", ")}]`;
  if (type === "array") return list(notation((items ?? true) as Schema | boolean, indent));
  if (type === "object" && propertyNames !== undefined)
    return `{ [name]: ${notation((additionalProperties ?? true) as Schema | boolean, indent)} }`;
  if (type === "object" && properties !== undefined)
    return members(properties as Record<string, Schema>, schema, indent);
  if (type === "string" && schema.format !== undefined) return `string /* ${schema.format} */`;
  if (Array.isArray(type)) return type.join(" | ");
  return type ?? "JSON";
}

function members(
  properties: Record<string, Schema>,
  { required, additionalProperties }: Schema,
  indent: string,
): string {
  const within = `${indent}  `;
  const lines = Object.entries(properties).flatMap(([name, schema]) => {
    const optional = required?.includes(name) ? "" : "?";
    const text = notation(schema, within);
    const member = `${within}${/^\w+$/.test(name) ? name : JSON.stringify(name)}${optional}: ${text};`;
    if (schema.description === undefined) return [member];
    return text.includes("\n") ? [`${within}// ${schema.description}`, member] : [`${member} // ${schema.description}`];
  });
  if (typeof additionalProperties === "object" && Object.keys(additionalProperties).length === 0)
    lines.push(`${within}[name]: JSON;`);
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function list(item: string): string {
  return item.includes(" | ") && !item.startsWith("{") ? `(${item})[]` : `${item}[]`;
}

if (import.meta.main) {
  writeFileSync(jsonDocsPath, jsonDocs());
  writeFileSync(jsonSchemasPath, jsonSchemas());
}

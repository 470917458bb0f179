import { inflateSync } from "node:zlib";

/** A variable of more bytes is refused: the devkit's takes about 1.5 MB. */
const LARGEST_VARIABLE = 64 * 2 ** 20;

// Types of data elements and classes of arrays, by the numbers of "MAT-File Format", chapter 1, level 5.
const MATRIX = 14;
const COMPRESSED = 15;
const STRUCT_CLASS = 2;
const CHAR_CLASS = 4;
const FIRST_NUMERIC_CLASS = 6;
const LAST_NUMERIC_CLASS = 15;

const readers: Readonly<Record<number, { bytes: number; read: (data: Buffer, at: number) => number }>> = {
  1: { bytes: 1, read: (data, at) => data.readInt8(at) },
  2: { bytes: 1, read: (data, at) => data.readUInt8(at) },
  3: { bytes: 2, read: (data, at) => data.readInt16LE(at) },
  4: { bytes: 2, read: (data, at) => data.readUInt16LE(at) },
  5: { bytes: 4, read: (data, at) => data.readInt32LE(at) },
  6: { bytes: 4, read: (data, at) => data.readUInt32LE(at) },
  7: { bytes: 4, read: (data, at) => data.readFloatLE(at) },
  9: { bytes: 8, read: (data, at) => data.readDoubleLE(at) },
  12: { bytes: 8, read: (data, at) => Number(data.readBigInt64LE(at)) },
  13: { bytes: 8, read: (data, at) => Number(data.readBigUInt64LE(at)) },
};

/** A field's value: a single number or a text; null for everything else. */
export type MatlabValue = number | string | null;

/**
 * The records of a struct array in a MATLAB file of level 5, compressed or not, such as `synsets` of ImageNet's `meta.mat`; fields that
 * are no single number and no text are null.
 *
 * @throws Error that says what is wrong with the file, or that it has no such variable
 */
export function matlabRecords(file: Uint8Array, variable: string): Record<string, MatlabValue>[] {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < 128 || bytes.toString("latin1", 126, 128) !== "IM")
    throw new Error("is no MATLAB file of level 5");
  try {
    for (const element of elements(bytes.subarray(128))) {
      const [matrix] = element.type === COMPRESSED ? elements(inflate(element.data)) : [element];
      if (matrix?.type !== MATRIX) continue;
      const found = structOf(matrix.data);
      if (found?.name === variable) return found.records;
    }
  } catch (cause) {
    throw new Error(`is damaged (${(cause as Error).message})`, { cause });
  }
  throw new Error(`has no struct "${variable}"`);
}

interface Element {
  readonly type: number;
  readonly data: Buffer;
}

const inflate = (data: Buffer): Buffer => inflateSync(data, { maxOutputLength: LARGEST_VARIABLE });

/** The data elements that lie one after the other; short ones hold their data in the tag itself. */
function* elements(bytes: Buffer): Generator<Element> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const word = bytes.readUInt32LE(at);
    const isShort = word >>> 16 !== 0;
    const type = isShort ? word & 0xffff : word;
    const length = isShort ? word >>> 16 : bytes.readUInt32LE(at + 4);
    const start = at + (isShort ? 4 : 8);
    if (start + length > bytes.length) throw new Error("an element ends behind the file");
    yield { type, data: bytes.subarray(start, start + length) };
    at = isShort ? at + 8 : start + (type === COMPRESSED ? length : Math.ceil(length / 8) * 8);
  }
}

/** A matrix's parts: class, number of elements, name, and what follows. */
function matrixOf(data: Buffer) {
  const [flags, dimensions, name, ...content] = elements(data);
  if (flags === undefined || dimensions === undefined || name === undefined) return null;
  const count = numbers(dimensions).reduce((product, side) => product * side, 1);
  return { kind: flags.data.readUInt8(0), count, name: name.data.toString("latin1"), content };
}

function structOf(data: Buffer): { name: string; records: Record<string, MatlabValue>[] } | null {
  const matrix = matrixOf(data);
  if (matrix?.kind !== STRUCT_CLASS) return null;
  const [lengthElement, names, ...values] = matrix.content;
  if (lengthElement === undefined || names === undefined) throw new Error("a struct has no fields");
  const length = lengthElement.data.readInt32LE(0);
  const fields: string[] = [];
  for (let at = 0; length > 0 && at + length <= names.data.length; at += length)
    fields.push(names.data.toString("latin1", at, at + length).replace(/\0.*$/s, ""));
  if (fields.length === 0 || values.length !== matrix.count * fields.length)
    throw new Error(`${matrix.count} records of ${fields.length} fields have ${values.length} values`);
  const records = Array.from({ length: matrix.count }, (_, record) =>
    Object.fromEntries(
      fields.map((field, at) => [field, simpleValue(values[record * fields.length + at] as Element)] as const),
    ),
  );
  return { name: matrix.name, records };
}

function simpleValue({ type, data }: Element): MatlabValue {
  if (type !== MATRIX || data.length === 0) return null;
  const matrix = matrixOf(data);
  const [content] = matrix?.content ?? [];
  if (matrix === null || content === undefined) return null;
  if (matrix.kind === CHAR_CLASS) return textOf(content);
  const isNumeric = matrix.kind >= FIRST_NUMERIC_CLASS && matrix.kind <= LAST_NUMERIC_CLASS;
  return isNumeric && matrix.count === 1 ? (numbers(content)[0] ?? null) : null;
}

function textOf(element: Element): string {
  if (element.type === 16) return element.data.toString("utf8");
  return String.fromCodePoint(...(element.type === 17 ? numbers({ ...element, type: 4 }) : numbers(element)));
}

function numbers({ type, data }: Element): number[] {
  const reader = readers[type];
  if (reader === undefined) throw new Error(`numbers of type ${type} are unknown`);
  return Array.from({ length: Math.floor(data.length / reader.bytes) }, (_, at) =>
    reader.read(data, at * reader.bytes),
  );
}

import { sizeOf } from "./dtype.ts";
import { checkHostArray, type HostArray, type HostDType } from "./host-array.ts";

/**
 * The safetensors format (https://huggingface.co/docs/safetensors, "Format"): eight bytes of header length, a JSON header that gives for
 * each name dtype, shape and data offsets, then the data without gaps. Names are sorted and the header is padded to a multiple of eight
 * bytes, so that equal tensors give equal bytes.
 */

/** Thrown by `decodeSafetensors` for bytes that are not a whole, well-formed safetensors file; the message says where. */
export class SafetensorsError extends Error {
  override readonly name = "SafetensorsError";
  readonly exitCode = 65;
  readonly remedy = "Get the file again from where it was made; this copy is damaged or is no safetensors file.";
}

/** What a safetensors file holds. */
export interface SafetensorsContent {
  readonly tensors: Record<string, HostArray>;
  readonly metadata: Record<string, string>;
}

const MAX_HEADER = 100_000_000;
const NAMES: Record<HostDType, string> = { float32: "F32", int32: "I32", uint8: "U8", bool: "BOOL" };
const DTYPES = new Map(Object.entries(NAMES).map(([dtype, name]) => [name, dtype as HostDType]));
const BYTES: Record<HostDType, number> = { float32: 4, int32: 4, uint8: 1, bool: 1 };

/** Encodes arrays, with names sorted, and optional text beside them. Throws `TypeError` for an array that does not fit its shape. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, HostArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const names = Object.keys(tensors).sort();
  const header: Record<string, unknown> = {};
  const texts = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (texts.length > 0) header["__metadata__"] = Object.fromEntries(texts);
  let end = 0;
  for (const name of names) {
    const { dtype, shape, data } = checked(name, tensors[name] as HostArray);
    header[name] = { dtype: NAMES[dtype], shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  let at = 8 + headerLength;
  for (const name of names) {
    const { data } = tensors[name] as HostArray;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** Decodes a file. The arrays are copies. Throws `SafetensorsError` when anything does not fit. */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsContent {
  const { header, start } = readHeader(bytes);
  const tensors: Record<string, HostArray> = {};
  const spans: [begin: number, end: number, name: string][] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") metadata = readMetadata(entry);
    else {
      const { dtype, shape, begin, end } = readEntry(name, entry, bytes.length - start);
      spans.push([begin, end, name]);
      tensors[name] = copyOut(dtype, shape, bytes.subarray(start + begin, start + end));
    }
  }
  checkCovered(spans, bytes.length - start);
  return { tensors, metadata };
}

function checked(name: string, array: HostArray): HostArray {
  if (name === "__metadata__") throw new TypeError(`a tensor can't be named "__metadata__"`);
  checkHostArray(array, `"${name}"`);
  return array;
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8)
    throw new SafetensorsError(`the file has ${bytes.length} bytes, and its header length alone takes 8`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER || Number(length) > bytes.length - 8)
    throw new SafetensorsError(`the header is said to have ${length} bytes, and ${bytes.length - 8} follow`);
  const start = 8 + Number(length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch (error) {
    throw new SafetensorsError(`the header is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isRecord(header)) throw new SafetensorsError("the header is no JSON object");
  return { header, start };
}

function readMetadata(entry: unknown): Record<string, string> {
  if (!isRecord(entry) || !Object.values(entry).every((text) => typeof text === "string"))
    throw new SafetensorsError("__metadata__ is no object of texts");
  return entry as Record<string, string>;
}

interface Entry {
  dtype: HostDType;
  shape: number[];
  begin: number;
  end: number;
}

function readEntry(name: string, entry: unknown, available: number): Entry {
  const fail = (why: string) => new SafetensorsError(`tensor "${name}": ${why}`);
  if (!isRecord(entry)) throw fail("its entry is no object");
  const {
    dtype: dtypeText,
    shape,
    data_offsets: offsets,
  } = entry as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const dtype = DTYPES.get(String(dtypeText));
  if (dtype === undefined) throw fail(`dtype ${JSON.stringify(dtypeText)} is none of ${[...DTYPES.keys()].join(", ")}`);
  if (!isSizes(shape)) throw fail(`shape ${JSON.stringify(shape)} is no list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw fail(`data_offsets ${JSON.stringify(offsets)} are no two offsets`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > available)
    throw fail(`its data lies at ${begin} to ${end}, and the file holds ${available} bytes of data`);
  const needed = sizeOf(shape) * BYTES[dtype];
  if (end - begin !== needed)
    throw fail(`${dtype}[${shape.join(",")}] takes ${needed} bytes, and ${end - begin} are given`);
  return { dtype, shape, begin, end };
}

/** Data must lie end to end: a gap or an overlap means that the header and the data do not belong together. */
function checkCovered(spans: [begin: number, end: number, name: string][], available: number): void {
  let at = 0;
  for (const [begin, end, name] of spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (begin !== at)
      throw new SafetensorsError(`tensor "${name}" begins at ${begin}, and the data before it ends at ${at}`);
    at = end;
  }
  if (at !== available)
    throw new SafetensorsError(`the tensors end at ${at}, and the file holds ${available} bytes of data`);
}

function copyOut(dtype: HostDType, shape: readonly number[], bytes: Uint8Array): HostArray {
  const { buffer } = new Uint8Array(bytes); // slice of a Buffer would share its memory
  switch (dtype) {
    case "float32":
      return { dtype, shape, data: new Float32Array(buffer) };
    case "int32":
      return { dtype, shape, data: new Int32Array(buffer) };
    default:
      return { dtype, shape, data: new Uint8Array(buffer) };
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

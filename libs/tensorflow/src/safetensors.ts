import { sizeOf } from "./dtype.ts";
import { checkHostArray, type HostArray, type HostDType } from "./host-array.ts";

/**
 * The safetensors format (https://huggingface.co/docs/safetensors, "Format"): eight bytes of header length, a JSON header that gives for
 * each name dtype, shape and data offsets, then the data without gaps. Names are sorted and the header is padded to a multiple of eight
 * bytes, so that equal tensors give equal bytes.
 */

/** Thrown for bytes or a file that are not whole, well-formed safetensors; the message says where. */
export class SafetensorsError extends Error {
  override readonly name = "SafetensorsError";
  readonly exitCode = 65;
  readonly remedy: string =
    "Get the file again from where it was made; this copy is damaged or is no safetensors file.";
  /** The file, where there is one. */
  readonly path: string | undefined;

  constructor(message: string, options: { path?: string; remedy?: string; cause?: unknown } = {}) {
    super(
      options.path === undefined ? message : `${options.path}: ${message}`,
      "cause" in options ? { cause: options.cause } : {},
    );
    this.path = options.path;
    if (options.remedy !== undefined) this.remedy = options.remedy;
  }
}

/** What a safetensors file holds. */
export interface SafetensorsContent {
  readonly tensors: Record<string, HostArray>;
  readonly metadata: Record<string, string>;
}

/** The longest header that the format's own library takes, too. */
export const MAX_HEADER = 100_000_000;
const NAMES: Record<HostDType, string> = { float32: "F32", int32: "I32", uint8: "U8", bool: "BOOL" };

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

/**
 * Decodes a file's bytes. The arrays are copies. Half precision, bfloat16 and double become float32, and int64 becomes int32, since
 * there is no other array on the host; a whole number that does not fit is an error. Throws `SafetensorsError` when anything does
 * not fit.
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsContent {
  const { start, length } = headerSpan(bytes, bytes.length);
  const { entries, metadata } = parseHeader(bytes.subarray(start, start + length), bytes.length - start - length);
  const data = bytes.subarray(start + length);
  return {
    tensors: Object.fromEntries(
      entries.map((entry) => [entry.name, hostArrayOf(entry, new Uint8Array(data.subarray(entry.begin, entry.end)))]),
    ),
    metadata,
  };
}

/** Where the header lies, from the first eight bytes of a file of `size` bytes. */
export function headerSpan(bytes: Uint8Array, size: number): { start: number; length: number } {
  if (size < 8) throw new SafetensorsError(`the file has ${size} bytes, and its header length alone takes 8`);
  if (isPickle(bytes))
    throw new SafetensorsError("this is a checkpoint as PyTorch saves it, a pickle, and has to be converted first");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER || Number(length) > size - 8)
    throw new SafetensorsError(`the header is said to have ${length} bytes, and ${size - 8} follow`);
  return { start: 8, length: Number(length) };
}

/** Whether a file begins as `torch.save` writes it: a zip file, or in old versions a bare pickle. */
function isPickle(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  return (a === 0x50 && b === 0x4b && c === 3 && d === 4) || (a === 0x80 && b === 2 && c === 0x8a && d === 0x0a);
}

/** What a header says, checked against the `available` bytes of data after it. */
export function parseHeader(
  json: Uint8Array,
  available: number,
): { entries: SafetensorsEntry[]; metadata: Record<string, string> } {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch (error) {
    throw new SafetensorsError(`the header is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isRecord(header)) throw new SafetensorsError("the header is no JSON object");
  const entries: SafetensorsEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") metadata = readMetadata(entry);
    else entries.push(readEntry(name, entry, available));
  }
  checkCovered(entries, available);
  return { entries, metadata };
}

function checked(name: string, array: HostArray): HostArray {
  if (name === "__metadata__") throw new TypeError(`a tensor can't be named "__metadata__"`);
  checkHostArray(array, `"${name}"`);
  return array;
}

function readMetadata(entry: unknown): Record<string, string> {
  if (!isRecord(entry) || !Object.values(entry).every((text) => typeof text === "string"))
    throw new SafetensorsError("__metadata__ is no object of texts");
  return entry as Record<string, string>;
}

/** One tensor of a file: `begin` and `end` count from the end of the header. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly stored: StoredDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readEntry(name: string, entry: unknown, available: number): SafetensorsEntry {
  const fail = (why: string) => new SafetensorsError(`tensor "${name}": ${why}`);
  if (!isRecord(entry)) throw fail("its entry is no object");
  const {
    dtype: dtypeText,
    shape,
    data_offsets: offsets,
  } = entry as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  if (!isStoredDType(dtypeText))
    throw fail(`dtype ${JSON.stringify(dtypeText)} is none of ${Object.keys(STORED).join(", ")}`);
  if (!isSizes(shape)) throw fail(`shape ${JSON.stringify(shape)} is no list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw fail(`data_offsets ${JSON.stringify(offsets)} are no two offsets`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > available)
    throw fail(`its data lies at ${begin} to ${end}, and the file holds ${available} bytes of data`);
  const needed = sizeOf(shape) * STORED[dtypeText].bytes;
  if (end - begin !== needed)
    throw fail(`${dtypeText} [${shape.join(",")}] takes ${needed} bytes, and ${end - begin} are given`);
  return { name, stored: dtypeText, shape, begin, end };
}

/** Data must lie end to end: a gap or an overlap means that the header and the data do not belong together. */
function checkCovered(entries: readonly SafetensorsEntry[], available: number): void {
  let at = 0;
  for (const { begin, end, name } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at)
      throw new SafetensorsError(`tensor "${name}" begins at ${begin}, and the data before it ends at ${at}`);
    at = end;
  }
  if (at !== available)
    throw new SafetensorsError(`the tensors end at ${at}, and the file holds ${available} bytes of data`);
}

/** The dtypes that are read: bytes of an element, and the array that they become. */
const STORED = {
  F32: { bytes: 4, read: (buffer: ArrayBuffer) => float32(new Float32Array(buffer)) },
  I32: { bytes: 4, read: (buffer: ArrayBuffer) => int32(new Int32Array(buffer)) },
  U8: { bytes: 1, read: (buffer: ArrayBuffer) => ({ dtype: "uint8", data: new Uint8Array(buffer) }) as const },
  BOOL: { bytes: 1, read: (buffer: ArrayBuffer) => ({ dtype: "bool", data: new Uint8Array(buffer) }) as const },
  F16: { bytes: 2, read: (buffer: ArrayBuffer) => float32(Float32Array.from(new Uint16Array(buffer), halfToNumber)) },
  BF16: { bytes: 2, read: (buffer: ArrayBuffer) => float32(fromBfloat16(new Uint16Array(buffer))) },
  F64: { bytes: 8, read: (buffer: ArrayBuffer) => float32(new Float32Array(new Float64Array(buffer))) },
  I64: { bytes: 8, read: (buffer: ArrayBuffer) => int32(fromInt64(new BigInt64Array(buffer))) },
} as const;

type StoredDType = keyof typeof STORED;

function isStoredDType(text: unknown): text is StoredDType {
  return typeof text === "string" && Object.hasOwn(STORED, text);
}

/** A tensor of its bytes, an array of their own, whose memory it takes where it needs no other. */
export function hostArrayOf({ name, stored, shape }: SafetensorsEntry, { buffer }: Uint8Array<ArrayBuffer>): HostArray {
  try {
    return { ...STORED[stored].read(buffer), shape };
  } catch (error) {
    throw new SafetensorsError(`tensor "${name}": ${(error as Error).message}`, { cause: error });
  }
}

function float32(data: Float32Array) {
  return { dtype: "float32", data } as const;
}

function int32(data: Int32Array) {
  return { dtype: "int32", data } as const;
}

/** IEEE 754 half precision: sign, 5 bits of exponent, 10 of fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
}

function fromInt64(values: BigInt64Array): Int32Array {
  return Int32Array.from(values, (value) => {
    if (value !== BigInt.asIntN(32, value)) throw new RangeError(`${value} does not fit into an int32`);
    return Number(value);
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

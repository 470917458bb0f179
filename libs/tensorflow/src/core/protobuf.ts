// Writes the few protocol buffers that the C API takes as bytes (ConfigProto). Wire format: https://protobuf.dev/programming-guides/encoding

/** A base-128 varint. */
function varint(value: number): number[] {
  const bytes = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

/** An integer, enum or boolean field. */
export function integerField(field: number, value: number): number[] {
  return [...varint(field * 8), ...varint(value)];
}

/** A string, map entry or message field. */
export function bytesField(field: number, bytes: readonly number[] | string): number[] {
  const content = typeof bytes === "string" ? [...Buffer.from(bytes)] : bytes;
  return [...varint(field * 8 + 2), ...varint(content.length), ...content];
}

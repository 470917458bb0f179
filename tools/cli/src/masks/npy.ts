/**
 * Bytes as a NumPy file, format 1.0: the header is padded with spaces so that the data starts at a multiple of 64.
 * `data` holds the elements in C order; its length has to be the product of `shape`.
 */
export function npyOfBytes(data: Uint8Array, shape: readonly number[]): Uint8Array {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const description = `{'descr': '|u1', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const magicAndLength = 10;
  const headerLength = Math.ceil((magicAndLength + description.length + 1) / 64) * 64 - magicAndLength;
  const file = Buffer.alloc(magicAndLength + headerLength + data.length);
  file.write("\x93NUMPY\x01\x00", 0, "latin1");
  file.writeUInt16LE(headerLength, 8);
  file.write(`${description.padEnd(headerLength - 1)}\n`, magicAndLength, "latin1");
  file.set(data, magicAndLength + headerLength);
  return file;
}

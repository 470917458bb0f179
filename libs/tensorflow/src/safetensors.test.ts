import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type HostArray, hostArray } from "./host-array.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from "./safetensors.ts";
import { readSafetensors } from "./safetensors-file.ts";

const array: fc.Arbitrary<HostArray> = fc.array(fc.nat(4), { maxLength: 3 }).chain((shape) => {
  const length = shape.reduce((a, b) => a * b, 1);
  const of = { minLength: length, maxLength: length };
  return fc.oneof(
    fc.float32Array(of).map((data) => hostArray("float32", shape, data)),
    fc.int32Array(of).map((data) => hostArray("int32", shape, data)),
    fc.uint8Array(of).map((data) => hostArray("uint8", shape, data)),
    fc.uint8Array({ ...of, max: 1 }).map((data) => hostArray("bool", shape, data)),
  );
});
const named = fc.dictionary(
  fc.string().filter((name) => name !== "__metadata__" && name !== "__proto__"),
  array,
  { maxKeys: 5 },
);

const small = encodeSafetensors({
  w: hostArray("float32", [2, 1], Float32Array.of(1, 2)),
  b: hostArray("bool", [1], Uint8Array.of(1)),
});

/** A file with the given header and data. */
function file(header: unknown, data = new Uint8Array(8)): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

describe("round trip", () => {
  it("gives back arrays and metadata", () => {
    fc.assert(
      fc.property(named, fc.dictionary(fc.stringMatching(/^\w+$/), fc.string()), (tensors, metadata) => {
        const bytes = encodeSafetensors(tensors, metadata);
        expect(decodeSafetensors(bytes)).toEqual({ tensors, metadata });
      }),
    );
  });

  it("does not depend on the order of names, nor on where the bytes lie", () => {
    const [a, b] = [hostArray("int32", [1], Int32Array.of(7)), hostArray("uint8", [], Uint8Array.of(3))];
    const bytes = encodeSafetensors({ a, b });
    expect(encodeSafetensors({ b, a })).toEqual(bytes);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeSafetensors(shifted.subarray(3)).tensors).toEqual({ a, b });
  });
});

describe("refuses", () => {
  it("every file cut short", () => {
    for (let length = 0; length < small.length; length++)
      expect(() => decodeSafetensors(small.subarray(0, length)), `${length} bytes`).toThrow(SafetensorsError);
  });

  it("or takes, but never fails otherwise on, a file with some bytes changed", () => {
    const change = fc.tuple(fc.nat(small.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Uint8Array.from(small);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          decodeSafetensors(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("bytes too many", () =>
    expect(() => decodeSafetensors(Buffer.concat([small, Buffer.alloc(1)]))).toThrow(
      /the tensors end at 9, and the file holds 10/,
    ));

  it.each([
    [file("{"), /no JSON/],
    [file([]), /no JSON object/],
    [file({ x: 1 }), /"x": its entry is no object/],
    [file({ x: { dtype: "F8", shape: [1], data_offsets: [0, 8] } }), /dtype "F8" is none of F32/],
    [file({ x: { dtype: "F32", shape: [-2], data_offsets: [0, 8] } }), /no list of sizes/],
    [file({ x: { dtype: "F32", shape: [2], data_offsets: [0] } }), /no two offsets/],
    [file({ x: { dtype: "F32", shape: [2], data_offsets: [8, 0] } }), /lies at 8 to 0/],
    [file({ x: { dtype: "F32", shape: [3], data_offsets: [0, 12] } }), /lies at 0 to 12, and the file holds 8/],
    [file({ x: { dtype: "F32", shape: [1], data_offsets: [0, 8] } }), /takes 4 bytes, and 8 are given/],
    [file({ x: { dtype: "F32", shape: [1], data_offsets: [4, 8] } }), /begins at 4/],
    [file({ x: { dtype: "F32", shape: [2 ** 53], data_offsets: [0, 8] } }), /no list of sizes/],
    [
      file({
        a: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
        b: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
      }),
      /"b" begins at 0/,
    ],
    [file({ __metadata__: { a: 1 } }, new Uint8Array(0)), /no object of texts/],
    [Buffer.from("ffffffffffffff7f", "hex"), /header is said to have/],
    [Buffer.from("504b030400000808", "hex"), /as PyTorch saves it, a pickle/],
    [Buffer.from("80028a0a6cfc9c46f9206aa8", "hex"), /as PyTorch saves it, a pickle/],
  ])("a wrong header %#", (bytes, message) => expect(() => decodeSafetensors(bytes)).toThrow(message));

  it("an array that does not fit its shape", () => {
    const wrong = { dtype: "float32", shape: [3], data: new Float32Array(2) } as HostArray;
    expect(() => encodeSafetensors({ wrong })).toThrow('"wrong": shape [3] needs 3 elements, and data has 2');
  });
});

it("reads a file of the reference implementation", () => {
  // safetensors 0.8.0 for Python: save({"a": np.float32([[1.5, -2]]), "n": np.int32([3]), "m": np.array([True, False])}, {"k": "v"}).
  const header =
    '{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"n":{"dtype":"I32","shape":[1],"data_offsets":[8,12]},"m":{"dtype":"BOOL","shape":[2],"data_offsets":[12,14]}} ';
  expect(decodeSafetensors(file(header, Buffer.from("0000c03f000000c0030000000100", "hex")))).toEqual({
    tensors: {
      a: hostArray("float32", [1, 2], Float32Array.of(1.5, -2)),
      n: hostArray("int32", [1], Int32Array.of(3)),
      m: hostArray("bool", [2], Uint8Array.of(1, 0)),
    },
    metadata: { k: "v" },
  });
});

it("widens the dtypes that the host has no array for", () => {
  // safetensors 0.8.0 for PyTorch: half [1.5, -2, 6e-8, 65504, inf], brain (bfloat16) [1.5, -3e38], double [0.1], long [-5, 2^31 - 1].
  const bytes = Buffer.from(
    "f0000000000000007b226c6f6e67223a7b226474797065223a22493634222c227368617065223a5b325d2c22646174615f6f666673657473223a5b302c31365d7d2c22646f75626c65223a7b226474797065223a22463634222c227368617065223a5b315d2c22646174615f6f666673657473223a5b31362c32345d7d2c22627261696e223a7b226474797065223a2242463136222c227368617065223a5b325d2c22646174615f6f666673657473223a5b32342c32385d7d2c2268616c66223a7b226474797065223a22463136222c227368617065223a5b355d2c22646174615f6f666673657473223a5b32382c33385d7d7d20202020fbffffffffffffffffffff7f000000009a9999999999b93fc03f62ff003e00c00100ff7b007c",
    "hex",
  );
  const { tensors } = decodeSafetensors(bytes);
  expect(tensors).toEqual({
    half: hostArray("float32", [5], Float32Array.of(1.5, -2, 2 ** -24, 65504, Number.POSITIVE_INFINITY)),
    brain: hostArray("float32", [2], Float32Array.of(1.5, -226 * 2 ** 120)),
    double: hostArray("float32", [1], Float32Array.of(0.1)),
    long: hostArray("int32", [2], Int32Array.of(-5, 2 ** 31 - 1)),
  });
  const long = Buffer.alloc(8);
  long.writeBigInt64LE(2n ** 31n);
  expect(() => decodeSafetensors(file({ n: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }, long))).toThrow(
    'tensor "n": 2147483648 does not fit into an int32',
  );
});

describe("a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "peco-safetensors-"));
  const path = join(folder, "weights.safetensors");
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is read as its bytes are", async () => {
    writeFileSync(path, small);
    expect(await readSafetensors(path)).toEqual(decodeSafetensors(small));
  });

  it("is refused by name when it is cut off, lies, or is not there", async () => {
    for (let length = 0; length < small.length; length++) {
      writeFileSync(path, small.subarray(0, length));
      await expect(readSafetensors(path), `${length} bytes`).rejects.toThrow(`${path}: `);
    }
    // A header that claims a tensor of 4 TB is refused by the file's size, not by the memory that it would take.
    writeFileSync(path, file({ x: { dtype: "F32", shape: [2 ** 40], data_offsets: [0, 2 ** 42] } }));
    await expect(readSafetensors(path)).rejects.toThrow(
      /"x": its data lies at 0 to 4398046511104, and the file holds 8/,
    );
    writeFileSync(path, Buffer.from("ffffffffffffff7f00", "hex"));
    await expect(readSafetensors(path)).rejects.toThrow(SafetensorsError);
    await expect(readSafetensors(`${path}.not`)).rejects.toThrow("there is no such file");
    await expect(readSafetensors(folder)).rejects.toThrow(/it cannot be read \(EISDIR\)/);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HostArray, hostArray } from "./host-array.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from "./safetensors.ts";

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

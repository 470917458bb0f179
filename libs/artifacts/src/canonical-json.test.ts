import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, NotCanonical } from "./canonical-json.ts";
import { digestOf, isDigest, sha256 } from "./sha256.ts";

describe("canonicalJson", () => {
  it("reads back as the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("does not depend on the order in which members were added", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      }),
    );
  });

  it("differs for different values", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        // what JSON does not tell apart, such as 0 and -0, need not differ
        const same = isDeepStrictEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
        expect(canonicalJson(a) === canonicalJson(b)).toBe(same);
      }),
      {
        examples: [
          [{}, []],
          [[{}], [[]]],
          [
            { a: 1, b: 2 },
            { b: 2, a: 1 },
          ],
        ],
      },
    );
  });

  it("follows RFC 8785 in numbers, names and escapes", () => {
    // sections 3.2.2 and 3.2.3; a name with a surrogate pair sorts by its first unit, before U+FB33
    const value = {
      "\u20ac": "Euro",
      "\r": 1e30,
      "\ufb33": 4.5,
      "1": 2e-3,
      "\u{1f600}": 1e-27,
      "\u0080": -0,
      "\u00f6": '\u000f\n"\\',
    };
    expect(canonicalJson(value)).toBe(
      '{"\\r":1e+30,"1":0.002,"\u0080":0,"\u00f6":"\\u000f\\n\\"\\\\","\u20ac":"Euro","\u{1f600}":1e-27,"\ufb33":4.5}',
    );
  });

  it("leaves undefined members out and keeps a member named __proto__", () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(canonicalJson(JSON.parse('{"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1}}');
  });

  it.each([
    [{ a: [1, Number.NaN] }, "$.a[1] is NaN"],
    [{ a: Number.POSITIVE_INFINITY }, "$.a is Infinity"],
    [{ a: 1n }, "$.a is a bigint"],
    [[undefined], "$[0] is undefined"],
    [{ a: new Map() }, "$.a is a Map"],
    [{ a: new Uint8Array(1) }, "$.a is a Uint8Array"],
    [{ a: () => 1 }, "$.a is a function"],
  ])("refuses what JSON cannot hold and says where: %#", (value, message) => {
    expect(() => canonicalJson(value)).toThrow(NotCanonical);
    expect(() => canonicalJson(value)).toThrow(message);
  });

  it("refuses a value that contains itself", () => {
    const value: Record<string, unknown> = {};
    value["again"] = { value };
    expect(() => canonicalJson(value)).toThrow("$.again.value contains itself");
  });
});

describe("sha256", () => {
  it("gives the known digests", () => {
    expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(sha256(new Uint8Array())).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(digestOf({ b: 1, a: 2 })).toBe(sha256('{"a":2,"b":1}'));
  });

  it("knows a digest when it sees one", () => {
    expect(isDigest(sha256("x"))).toBe(true);
    expect(isDigest(sha256("x").toUpperCase())).toBe(false);
    expect(isDigest("../../etc/passwd")).toBe(false);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold, hashName, key, mix64, root } from "./key.ts";

const uint64 = fc.bigInt(0n, 2n ** 64n - 1n);

describe("hashName", () => {
  // Test vectors of the FNV reference page: the empty string, "a" and "foobar".
  it.each([
    ["", 0xcbf29ce484222325n],
    ["a", 0xaf63dc4c8601ec8cn],
    ["foobar", 0x85944171f73967e8n],
  ])("is FNV-1a 64 for %j", (name, hash) => expect(hashName(name)).toBe(hash));
});

describe("mix64", () => {
  it("is SplitMix64's finaliser", () => {
    // State 0 and part 0 leave the golden ratio to be finalised: the first number of SplitMix64 with seed 0.
    expect(mix64(0n, 0n)).toBe(0xe220a8397b1dcdafn);
  });

  it("stays within 64 bits and depends on both arguments", () => {
    fc.assert(
      fc.property(uint64, uint64, (state, part) => {
        const mixed = mix64(state, part);
        expect(mixed >= 0n && mixed < 2n ** 64n).toBe(true);
        expect(mix64(state ^ 1n, part)).not.toBe(mixed);
        expect(mix64(state, part ^ 1n)).not.toBe(mixed);
      }),
    );
  });
});

describe("fold", () => {
  it("keeps the key, and folds part by part", () => {
    fc.assert(
      fc.property(uint64, fc.array(fc.oneof(uint64, fc.maxSafeInteger(), fc.string())), (seed, parts) => {
        const all = fold(key(seed), ...parts);
        expect(all.key).toBe(seed);
        expect(parts.reduce((k, part) => fold(k, part), key(seed))).toEqual(all);
      }),
    );
  });

  it("tells order, numbers and names apart", () => {
    const streams = [
      fold(key(1), 1, 2),
      fold(key(1), 2, 1),
      fold(key(1), 3),
      fold(key(1), "3"),
      fold(key(1), "1", "2"),
      key(1),
    ];
    expect(new Set(streams.map((k) => k.stream)).size).toBe(streams.length);
  });

  it("takes negative numbers modulo 2^64", () => expect(fold(key(0), -1)).toEqual(fold(key(0), 2n ** 64n - 1n)));

  it("refuses what is no integer", () => expect(() => fold(key(0), 0.5)).toThrow(/0\.5 is none/));
});

it("root has stream 0 and depends on both words", () => {
  expect(root({ key: 1n, stream: 2n })).toEqual({ key: mix64(1n, 2n), stream: 0n });
});

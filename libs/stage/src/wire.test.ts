import { stage as proto } from "@peco/proto";
import { describe, expect, it } from "vitest";
import { toySpec } from "../test/toy.ts";
import type { StageEvent } from "./index.ts";
import { eventFromWire, eventToWire, specFromWire, specToWire } from "./wire.ts";

const events: StageEvent[] = [
  { kind: "cache", hit: true, differed: [], problem: "" },
  {
    kind: "cache",
    hit: false,
    problem: "its manifest is missing",
    differed: [
      { path: "recipe.lr", before: 0.1, after: [1, "x", null] },
      { path: "seed", before: undefined, after: "" },
    ],
  },
  {
    kind: "step",
    part: "lr 0.1",
    step: 1,
    of: 2,
    metrics: { loss: 0.5, odd: Number.NaN },
    imagesPerSecond: 3,
    etaSeconds: 4,
    waitShare: 0.5,
  },
  { kind: "checkpoint", part: "", step: 4_000_000_000 },
  { kind: "evaluation", part: "a", step: 0, metrics: {} },
  { kind: "artifact", artifactKind: "tokenizer", digest: "ab" },
  { kind: "note", text: "ä\n" },
  { kind: "done", artifact: "ab", metrics: { nested: [{ a: null }] }, cached: true, seconds: 1.5 },
  { kind: "failed", failure: { name: "X", message: "m", exitCode: 73, remedy: "r", path: "p" } },
];

describe("the wire", () => {
  it.each(events.map((event) => [event.kind, event] as const))("carries %s unchanged", (_, event) => {
    const numbered = { ...event, number: 7, timeMs: 1_790_000_000_000 };
    const bytes = proto.WatchResponse.encode(eventToWire(numbered)).finish();
    expect(eventFromWire(proto.WatchResponse.decode(bytes))).toEqual(numbered);
  });

  it("passes over events of a kind that it does not know", () => {
    expect(eventFromWire({ number: 1, timeMs: 0n, event: undefined })).toBeUndefined();
  });

  it("carries a specification unchanged", () => {
    const spec = toySpec(
      "/s",
      { lr: 0.1 },
      {
        seed: 2n ** 64n - 1n,
        inputs: { data: "a".repeat(64) },
        masking: { address: "127.0.0.1:1", token: "t" },
        folder: "/a b",
        weights: "/w.safetensors",
      },
    );
    const bytes = proto.StageSpec.encode(specToWire(spec)).finish();
    expect(specFromWire(proto.StageSpec.decode(bytes))).toEqual(spec);
  });

  it("refuses what is no specification, and says where", () => {
    const whole = specToWire(toySpec("/s", {}));
    expect(() => specFromWire(undefined)).toThrow("Start: spec is missing");
    expect(() => specFromWire({ ...whole, recipeJson: "{" })).toThrow("Start: recipe_json is not JSON");
    expect(() => specFromWire({ ...whole, threads: 0 })).toThrow(/Start: threads /);
    expect(() => specFromWire({ ...whole, preflight: true })).toThrow("must not be taken for a real one");
    expect(() => specFromWire({ ...whole, partsJson: '{"a":1}' })).toThrow("Start: key is not the digest of parts");
  });
});

import { readFileSync } from "node:fs";
import { tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { NeighbourVotes } from "./nearest-neighbours.ts";

interface Fixture {
  classes: number;
  width: number;
  temperature: number;
  train: number[];
  labels: number[];
  test: number[];
  named: Record<string, number[]>;
  share: Record<string, number[]>;
}
const url = new URL("../fixtures/nearest-neighbours.json", import.meta.url);
const { classes, width, temperature, train, labels, test, named }: Fixture = JSON.parse(readFileSync(url, "utf8"));
const known = { features: Float32Array.from(train), labels: Int32Array.from(labels) };
const context = { recipe: { runtime: { compiler: "graph" } } } as ConstructorParameters<typeof NeighbourVotes>[0];
const neighbours = Object.keys(named).map(Number);

describe("votes of nearest neighbours", () => {
  it.each([65_536, 300, 128, 7])("name the classes that PyTorch's do, in pieces of %i pictures", async (chunk) => {
    const before = tf.memory().numTensors;
    {
      await using votes = new NeighbourVotes(context, known, width, { classes, neighbours, temperature }, chunk);
      const found = await votes.classes(Float32Array.from(test));
      expect(found.map((each) => [...each])).toEqual(neighbours.map((count) => named[count]));
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it("differ with the number of neighbours and the temperature, so that this test says something", async () => {
    expect(new Set(Object.values(named).map(String)).size).toBeGreaterThan(3);
    await using even = new NeighbourVotes(context, known, width, { classes, neighbours, temperature: 100 });
    const found = await even.classes(Float32Array.from(test));
    expect([...(found.at(-1) as Int32Array)]).not.toEqual(named[neighbours.at(-1) as number]);
  });

  it("takes all where there are fewer than are asked for", async () => {
    const few = { features: Float32Array.of(1, 0, 0, 1, 0.9, 0.1), labels: Int32Array.of(0, 1, 0) };
    await using votes = new NeighbourVotes(context, few, 2, { classes: 2, neighbours: [1, 200], temperature: 100 });
    expect(await votes.classes(Float32Array.of(0.1, 2, 5, 0.1))).toEqual([Int32Array.of(1, 0), Int32Array.of(0, 0)]);
  });
});

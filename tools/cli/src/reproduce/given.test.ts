import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import type { ReproducibilityCard } from "@peco/report";
import { afterAll, describe, expect, it } from "vitest";
import type { Experiment } from "../run/experiment.ts";
import { bringGiven, findGiven, GivenMissing } from "./given.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-given-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cardOf = (artifact: string, name = "tokenizer") =>
  ({
    inputs: { folder: null, weights: [], given: [{ name, artifact, kind: "tokenizer" }] },
  }) as unknown as ReproducibilityCard;
const what = { stages: [{ inputs: { data: "data" } }, { inputs: { tokenizer: "codebook" } }] } as unknown as Experiment;
const cardPath = join(folder, "store", "runs", "20260102-030405-aaaa", "card.json");

describe("what a run was given by earlier runs", async () => {
  const store = await Store.open(join(folder, "store"), { create: true });
  const weights = await store.putBlob(new Uint8Array([1, 2, 3]));
  const data = await store.publish({ kind: "data", blobs: {}, inputs: {}, meta: {} });
  const tokenizer = await store.publish({ kind: "tokenizer", blobs: { weights }, inputs: { data }, meta: { a: 1 } });

  it("is brought from the card's own store with what it was made from, and without results", async () => {
    const given = await findGiven(cardOf(tokenizer), cardPath, what);
    expect([...(given?.artifacts ?? [])]).toEqual([["codebook", tokenizer]]);
    const into = await Store.open(join(folder, "again"), { create: true });
    if (given !== null) await bringGiven(given, into);
    expect(await into.incomplete(tokenizer)).toBe(null);
    expect((await into.lineage(tokenizer)).map(({ digest }) => digest)).toEqual([data, tokenizer]);
    expect(await into.results()).toEqual([]);
  });

  it("is nothing for most", async () => {
    const { inputs, ...old } = cardOf(tokenizer);
    expect(await findGiven(old as ReproducibilityCard, cardPath, what)).toBe(null);
    expect(await findGiven({ ...old, inputs: { ...inputs, given: [] } } as never, cardPath, what)).toBe(null);
  });

  it("is refused with the reason where it is not there", async () => {
    const gone = findGiven(cardOf("0".repeat(64)), cardPath, what);
    await expect(gone).rejects.toThrow(GivenMissing);
    await expect(gone).rejects.toThrow(/its tokenizer \(tokenizer 000000000000\), it was given .*manifest is missing/);
    mkdirSync(join(folder, "elsewhere", "a", "b"), { recursive: true });
    const elsewhere = findGiven(cardOf(tokenizer), join(folder, "elsewhere", "a", "b", "card.json"), what);
    await expect(elsewhere).rejects.toThrow(/elsewhere is no store/);
    await expect(findGiven(cardOf(tokenizer, "unknown"), cardPath, what)).rejects.toThrow("takes such an input");
  });
});

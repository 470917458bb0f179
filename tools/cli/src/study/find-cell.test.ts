import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { expect, onTestFinished, test } from "vitest";
import type { FoundStage } from "../run/find-stages.ts";
import { gflopOf } from "./find-cell.ts";

test("operations are those that a stage reported, or those of its artifact", async () => {
  const folder = mkdtempSync(join(tmpdir(), "peco-gflop-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = await Store.open(folder, { create: true });
  const publish = (meta: { gflop?: number }) => store.publish({ kind: "tokenizer", blobs: {}, inputs: {}, meta });
  const [counted, uncounted] = [await publish({ gflop: 33 }), await publish({})];
  const found = (artifact: string, metrics: object) => ({ result: { artifact, metrics } }) as unknown as FoundStage;
  expect(await gflopOf(store, found(counted, { gflop: 34 }))).toBe(34);
  expect(await gflopOf(store, found(counted, { loss: 1 }))).toBe(33);
  expect(await gflopOf(store, found(uncounted, {}))).toBeNull();
  expect(await gflopOf(store, undefined)).toBeNull();
});

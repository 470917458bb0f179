import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunRecord, Store } from "@peco/artifacts";
import { expect, it, onTestFinished } from "vitest";
import { readDataSummary } from "./data-summary.ts";

const common = {
  format: 1,
  classes: ["ant", "bee"],
  split: { kind: "folders", text: "folders train and val" },
  skipped: [],
  copies: { files: 0, acrossSplits: 0, acrossClasses: 0 },
};

it("counts alike where pictures are packed as pixels and as files", async () => {
  const folder = await mkdtemp(join(tmpdir(), "peco-report-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = await Store.open(join(folder, "store"), { create: true });
  const summaryOf = async (index: object) => {
    const blobs = { "index.json": await store.putBlob(Buffer.from(JSON.stringify({ ...common, ...index }))) };
    const artifact = await store.publish({ kind: "data", blobs, inputs: {}, meta: {} });
    return readDataSummary(store, artifact, { data: "DIR" } as RunRecord);
  };
  const picture = (label: number, split: string, labelled = true) => ({ name: "x", hash: "0", label, split, labelled });
  const pictures = [picture(0, "train"), picture(1, "train", false), picture(1, "test"), picture(0, "validation")];
  const pixels = await summaryOf({ side: 32, pictures });
  const files = await summaryOf({
    form: "encoded",
    count: 4,
    counts: { train: 2, validation: 1, test: 1, labelled: 1 },
    classCounts: [
      { train: 1, validation: 1, test: 0, labelled: 1 },
      { train: 1, validation: 0, test: 1, labelled: 0 },
    ],
    shards: [],
  });
  expect(pixels).toMatchObject({ source: "DIR", side: 32, labelled: 1, split: "folders train and val" });
  expect(files).toEqual({ ...pixels, side: null });
});

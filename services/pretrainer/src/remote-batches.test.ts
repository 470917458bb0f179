import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf, Store } from "@peco/artifacts";
import { type Dataset, stageBatches } from "@peco/data";
import { batchesService, dataStage, openDataset } from "@peco/masking-service";
import { loadRecipe } from "@peco/recipes";
import { type RpcServer, startServer } from "@peco/rpc";
import { executeStage, type StageSpec } from "@peco/stage";
import { createLogger } from "@peco/telemetry";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { remoteBatches } from "./remote-batches.ts";

const { recipe } = loadRecipe("tiny", {
  sets: [
    "data.generated.train=48",
    "data.generated.labelled=16",
    "data.generated.validation=8",
    "data.generated.test=8",
  ],
});
let store: string;
let data: string;
let local: Dataset;
let server: RpcServer;

beforeAll(async () => {
  store = await mkdtemp(join(tmpdir(), "peco-remote-"));
  const opened = await Store.open(store, { create: true });
  const parts = { stage: "data" };
  const spec: StageSpec = {
    ...{ stage: "data", key: digestOf(parts), parts, store, run: "test", seed: 1n, inputs: {}, threads: 2 },
    ...{
      recipe: recipe as unknown as StageSpec["recipe"],
      masking: null,
      preflight: false,
      folder: null,
      weights: null,
    },
  };
  const log = createLogger("test", { level: "silent" });
  data = (await executeStage(dataStage, spec, { emit: () => undefined, signal: new AbortController().signal, log }))
    .artifact;
  local = await openDataset(opened, data);
});
afterAll(async () => {
  await local.close();
  await rm(store, { recursive: true, force: true });
});
beforeEach(async () => {
  server = await startServer({ services: [batchesService()] });
});
afterEach(() => server.close(0));

const options = () => ({ endpoint: server, store, data, recipe, seed: 5n, steps: 100 });

describe("remoteBatches", () => {
  it("gives what the library gives: ahead, again, back and forth", async () => {
    const here = local.batches(stageBatches("pretrain", recipe, 5n));
    await using there = remoteBatches({ ...options(), stage: "pretrain" });
    const steps = [0, 1, 2, 3, 7, 8, 3, 3, 99, 0];
    const batches = await Promise.all(steps.map((step) => there.at(step)));
    expect(batches).toEqual(await Promise.all(steps.map((step) => here.at(step))));
  });

  it("gives labels as whole numbers", async () => {
    await using there = remoteBatches({ ...options(), stage: "finetune" });
    const batch = await there.at(4);
    expect(batch.labels.data).toBeInstanceOf(Int32Array);
    expect(batch).toEqual(await local.batches(stageBatches("finetune", recipe, 5n)).at(4));
  });

  it("goes on when the service was away for a moment", async () => {
    const here = local.batches(stageBatches("pretrain", recipe, 5n));
    await using there = remoteBatches({ ...options(), stage: "pretrain" });
    expect(await there.at(0)).toEqual(await here.at(0));
    const { port, token } = server;
    await server.close(0);
    const later = Promise.all([1, 2, 3, 40, 41].map((step) => there.at(step)));
    server = await startServer({ services: [batchesService()], port, token });
    expect(await later).toEqual(await Promise.all([1, 2, 3, 40, 41].map((step) => here.at(step))));
  });

  it("says that the service is lost when it stays away", async () => {
    await using there = remoteBatches({ ...options(), stage: "pretrain", patienceMs: 200 });
    await server.close(0);
    await expect(there.at(0)).rejects.toMatchObject({ name: "ServiceLost", exitCode: 75 });
  });

  it("hands on what the service reports, and can be asked again", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "peco-elsewhere-"));
    await rm(elsewhere, { recursive: true });
    await using there = remoteBatches({ ...options(), store: elsewhere, stage: "pretrain" });
    await expect(there.at(0)).rejects.toMatchObject({ name: "StoreMissing", exitCode: 65 });
    await cp(store, elsewhere, { recursive: true });
    expect((await there.at(0)).mask.shape).toEqual([16, 16]);
    await rm(elsewhere, { recursive: true });
  });

  it("has no batch past the end", async () => {
    await using there = remoteBatches({ ...options(), stage: "pretrain" });
    await expect(there.at(100)).rejects.toThrow(/no batch 100/);
  });

  it("can be closed with batches under way", async () => {
    const there = remoteBatches({ ...options(), stage: "pretrain" });
    await there.at(0);
    const cut = Promise.allSettled([1, 2, 3].map((step) => there.at(step)));
    await there.close();
    await cut;
  });
});

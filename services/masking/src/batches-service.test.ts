import { mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type AnyBatch, type BatchStage, stageBatches } from "@peco/data";
import { masking } from "@peco/proto";
import { type Client, connect, type RpcServer, startServer } from "@peco/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runDataStage, tiny } from "../test/run-data-stage.ts";
import { batchesService, maxPieceBytes, openDataset, pieces } from "./batches-service.ts";

let store: string;
let data: string;
let server: RpcServer;
let client: Client<typeof masking.MaskingServiceService>;
const recipe = tiny();

beforeAll(async () => {
  store = await mkdtemp(join(tmpdir(), "peco-batches-"));
  data = (await runDataStage(store, { recipe })).artifact;
  server = await startServer({ services: [batchesService()] });
  client = connect(masking.MaskingServiceService, server);
});
afterAll(async () => {
  client.close();
  await server.close();
  await rm(store, { recursive: true, force: true });
});

const request = (more: Partial<masking.BatchesRequest> = {}): masking.BatchesRequest => ({
  data,
  store,
  stage: "pretrain",
  recipeJson: JSON.stringify(recipe),
  seed: 3n,
  fromStep: 0,
  toStep: 2,
  ...more,
});

async function collect(messages: AsyncIterable<masking.BatchesResponse>): Promise<masking.BatchesResponse[]> {
  const all: masking.BatchesResponse[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

/** The messages that the library's batches would make. */
async function expected(stage: BatchStage, from: number, to: number): Promise<masking.BatchesResponse[]> {
  await using dataset = await openDataset((await runDataStage(store, { recipe })).store, data);
  const source = dataset.batches(stageBatches(stage, recipe, 3n)) as { at(step: number): Promise<AnyBatch> };
  const all: masking.BatchesResponse[] = [];
  for (let step = from; step < to; step++) all.push(...pieces(step, await source.at(step)));
  return all;
}

/** Files of the store that this process holds open: a call that was not ended properly keeps the pack's. */
async function openFiles(): Promise<number> {
  const links = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  return links.filter((path) => path.startsWith(store)).length;
}

describe("Batches", () => {
  it.each<BatchStage>(["perceptual-network", "codebook", "pretrain", "finetune"])(
    "gives the bytes of the library for %s, from any step on",
    async (stage) => {
      expect(await collect(client.batches(request({ stage, fromStep: 5, toStep: 8 })))).toEqual(
        await expected(stage, 5, 8),
      );
    },
  );

  it("gives the library's bytes of picture files, which it decodes as they are drawn", async () => {
    const encoded = tiny(["data.form=encoded"]);
    const { artifact, store: opened } = await runDataStage(store, { recipe: encoded });
    const { blobs } = await opened.manifest(artifact);
    expect(Object.keys(blobs)).toContain("pictures.table");
    expect(Object.keys(blobs)).not.toContain("pictures.u8");
    const answered = await collect(
      client.batches(request({ data: artifact, recipeJson: JSON.stringify(encoded), fromStep: 4, toStep: 6 })),
    );
    await using dataset = await openDataset(opened, artifact);
    const source = dataset.batches(stageBatches("pretrain", encoded, 3n));
    expect(answered).toEqual([...pieces(4, await source.at(4)), ...pieces(5, await source.at(5))]);
    // files of the pictures' own size hold the pixels that a pack of pixels holds
    expect(answered).toEqual(await expected("pretrain", 4, 6));
  });

  it("gives the same bytes from another server", async () => {
    const other = await startServer({ services: [batchesService()] });
    const second = connect(masking.MaskingServiceService, other);
    const [a, b] = await Promise.all([collect(client.batches(request())), collect(second.batches(request()))]);
    expect(b).toEqual(a);
    second.close();
    await other.close();
  });

  it("cuts arrays into pieces of at most 1 MiB", () => {
    const bytes = 2 * maxPieceBytes + 5;
    const images = { dtype: "uint8" as const, shape: [bytes], data: new Uint8Array(bytes).map((_, i) => i % 251) };
    const labels = { dtype: "int32" as const, shape: [1], data: Int32Array.of(7) };
    const cut = [...pieces(4, { images, labels })];
    expect(cut.map(({ name, offset, data: piece, last }) => [name, offset, piece.length, last])).toEqual([
      ["images", 0, maxPieceBytes, false],
      ["images", maxPieceBytes, maxPieceBytes, false],
      ["images", 2 * maxPieceBytes, 5, false],
      ["labels", 0, 4, true],
    ]);
    expect(new Uint8Array(Buffer.concat(cut.slice(0, 3).map(({ data: piece }) => piece)))).toEqual(images.data);
  });

  it("makes no more than a slow client takes, and gives all back when it cancels", async () => {
    const before = await openFiles();
    const cancel = new AbortController();
    const stream = client.batches(request({ toStep: 1_000_000 }), { signal: cancel.signal });
    const first = await stream[Symbol.asyncIterator]().next();
    expect(first.value?.step).toBe(0);
    expect(await openFiles()).toBeGreaterThan(before);
    // a server that ran on would keep a core busy for an hour
    let busy = Number.POSITIVE_INFINITY;
    for (let waited = 0; busy > 0.2 && waited < 40; waited++) {
      const used = process.cpuUsage();
      await sleep(500);
      const { user, system } = process.cpuUsage(used);
      busy = (user + system) / 500_000;
    }
    expect(busy).toBeLessThan(0.2);
    cancel.abort();
    for (let waited = 0; (await openFiles()) > before && waited < 100; waited++) await sleep(100);
    expect(await openFiles()).toBe(before);
  });

  it.each<[string, Partial<masking.BatchesRequest>, RegExp, number]>([
    ["a stage without batches", { stage: "evaluate" }, /stage "evaluate" has no batches/, 64],
    ["a recipe that is no JSON", { recipeJson: "{" }, /recipe_json is no JSON/, 64],
    ["a recipe that is wrong", { recipeJson: "{}" }, /the recipe cannot be used/, 64],
    ["data that are not there", { data: "0".repeat(64) }, /artifact is not in the store/, 65],
    ["a store that is not there", { store: "/nowhere/at/all" }, /there is no store/, 65],
  ])("refuses %s", async (_, wrong, message, exitCode) => {
    const failed = collect(client.batches(request(wrong)));
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toMatchObject({ exitCode });
  });
});

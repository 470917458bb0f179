import { setImmediate } from "node:timers/promises";
import { Store } from "@peco/artifacts";
import {
  type AnyBatch,
  BatchOptionsError,
  type BatchSource,
  type BatchSpec,
  type BatchStage,
  type Dataset,
  openPack,
  stageBatches,
} from "@peco/data";
import { masking } from "@peco/proto";
import { checkRecipe } from "@peco/recipes";
import { type Service, service } from "@peco/rpc";

/** Largest piece of an array in one message, in bytes. */
export const maxPieceBytes = 2 ** 20;
/** Batches that are made while earlier ones are on their way. */
const ahead = 2;

const stages: readonly string[] = [
  "perceptual-network",
  "codebook",
  "pretrain",
  "finetune",
  "finetune-from-scratch",
] satisfies BatchStage[];

/**
 * `peco/masking/v1`: the training batches of a stage as a stream, in pieces of at most 1 MiB. Nothing is kept between calls: a batch
 * follows from the request and the step, so that a stream can start at any step and any server gives the same bytes. The stream's flow
 * control is the back-pressure: beside what the network holds, two batches are made ahead. When the call ends, however it ends, its
 * threads and its file are given back.
 */
export function batchesService(): Service {
  return service(masking.MaskingServiceService, { batches: (request, { signal }) => batches(request, signal) });
}

async function* batches(request: masking.BatchesRequest, signal: AbortSignal): AsyncIterable<masking.BatchesResponse> {
  const { fromStep, toStep } = request;
  const spec = specOf(request);
  const store = await Store.open(request.store);
  await using data = await openDataset(store, request.data);
  const source: BatchSource<AnyBatch> = data.batches(spec);
  const queue: Promise<AnyBatch>[] = [];
  for (let step = fromStep; step < toStep; step++) {
    while (queue.length <= ahead && step + queue.length < toStep) queue.push(source.at(step + queue.length));
    for (const piece of pieces(step, await (queue.shift() as Promise<AnyBatch>))) {
      if (signal.aborted) return;
      yield piece;
    }
    // A client that takes all at once must not keep the server from answering others.
    await setImmediate();
  }
}

function specOf({ stage, recipeJson, seed }: masking.BatchesRequest): BatchSpec {
  if (!stages.includes(stage)) {
    throw new BatchOptionsError(`the stage "${stage}" has no batches`, {
      path: "stage",
      remedy: `Name one of ${stages.join(", ")}.`,
    });
  }
  return stageBatches(stage as BatchStage, checkRecipe(parseJson(recipeJson)), seed);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BatchOptionsError(`recipe_json is no JSON: ${(cause as Error).message}`, {
      path: "recipe_json",
      remedy: "Send the whole recipe as JSON.",
    });
  }
}

/** Opens the pack of a `data` artifact. @throws ObjectMissing CorruptObject CorruptPack */
export function openDataset(store: Store, digest: string): Promise<Dataset> {
  return openPack(store, digest);
}

/** A batch as messages: its arrays one after the other, each cut into pieces. */
export function* pieces(step: number, batch: AnyBatch): Generator<masking.BatchesResponse> {
  const arrays = Object.entries(batch);
  for (const [at, [name, { dtype, shape, data }]] of arrays.entries()) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const type = dtype === "uint8" ? masking.DataType.DATA_TYPE_UINT8 : masking.DataType.DATA_TYPE_INT32;
    for (let offset = 0; offset < bytes.length; offset += maxPieceBytes) {
      const piece = bytes.subarray(offset, offset + maxPieceBytes);
      const last = at === arrays.length - 1 && offset + piece.length === bytes.length;
      yield { step, name, type, shape, offset, data: piece, last };
    }
  }
}

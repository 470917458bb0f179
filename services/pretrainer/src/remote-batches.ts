import type { BatchKinds, BatchSource, HostInt32, HostUint8, StageBatchKinds } from "@peco/data";
import { masking } from "@peco/proto";
import { connect, type Endpoint, resumeStream } from "@peco/rpc";

/** Which batches a masking service shall make. */
export interface RemoteBatchesOptions<S extends keyof StageBatchKinds> {
  readonly endpoint: Endpoint;
  /** Folder of the artifact store, as the masking service sees it. */
  readonly store: string;
  /** Digest of the `data` artifact. */
  readonly data: string;
  readonly stage: S;
  /** The whole recipe: batch size, views and masks are taken from it. */
  readonly recipe: unknown;
  readonly seed: bigint;
  /** The step after the last one that will be asked for. */
  readonly steps: number;
  /** For how long a masking service may be away before `at` fails with `ServiceLost`. @default 10000 */
  readonly patienceMs?: number;
}

/** A source of batches that another process makes. Close it when no more are wanted: the service then frees what it holds. */
export interface RemoteBatches<B> extends BatchSource<B>, AsyncDisposable {
  close(): Promise<void>;
}

/**
 * The batches of a stage, made by a masking service: the same interface and the same bytes as
 * `dataset.batches(stageBatches(stage, recipe, seed))`, so that a trainer need not know which one it has.
 *
 * Batches come over one stream, in order. Asking for the next step (several at once, too, to read ahead) costs nothing; asking for
 * another step starts a new stream there. When the service is lost the stream is taken up again at the batch that is missing.
 *
 * @throws from `at`: RemoteFailure as the service reported it; ServiceLost when it stays away; StreamBroken when it sends nonsense
 */
export function remoteBatches<S extends keyof StageBatchKinds>(
  options: RemoteBatchesOptions<S>,
): RemoteBatches<BatchKinds[StageBatchKinds[S]]> {
  return new RemoteSource(options);
}

/** Thrown when a masking service's messages do not make up the batches that were asked for. */
export class StreamBroken extends Error {
  override readonly name = "StreamBroken";
  readonly exitCode = 76;
  readonly remedy = "Let masking service and trainer be of the same version.";
}

type Batch = Record<string, HostUint8 | HostInt32>;

interface OpenStream {
  readonly batches: AsyncGenerator<Batch>;
  readonly cancel: AbortController;
}

class RemoteSource<S extends keyof StageBatchKinds> implements RemoteBatches<BatchKinds[StageBatchKinds[S]]> {
  readonly #options: RemoteBatchesOptions<S>;
  readonly #client;
  #stream: OpenStream | null = null;
  #next = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RemoteBatchesOptions<S>) {
    this.#options = options;
    this.#client = connect(masking.MaskingServiceService, options.endpoint);
  }

  at(step: number): Promise<BatchKinds[StageBatchKinds[S]]> {
    const batch = this.#turn.then(() => this.#take(step));
    this.#turn = batch.catch(() => undefined); // whoever awaits the batch hears of its failure
    return batch as Promise<BatchKinds[StageBatchKinds[S]]>;
  }

  async close(): Promise<void> {
    this.#stream?.cancel.abort();
    await this.#turn;
    this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #take(step: number): Promise<Batch> {
    const stream = this.#stream !== null && step === this.#next ? this.#stream : this.#open(step);
    try {
      const { value, done } = await stream.batches.next();
      if (done) throw new StreamBroken(`the masking service has no batch ${step}`);
      this.#next = step + 1;
      return value;
    } catch (error) {
      this.#stream = null;
      throw error;
    }
  }

  #open(from: number): OpenStream {
    this.#stream?.cancel.abort();
    const cancel = new AbortController();
    this.#stream = { batches: assemble(this.#pieces(from, cancel.signal), from), cancel };
    return this.#stream;
  }

  #pieces(from: number, signal: AbortSignal): AsyncIterable<masking.BatchesResponse> {
    const { store, data, stage, recipe, seed, steps, patienceMs = 10_000 } = this.#options;
    const request = { store, data, stage, recipeJson: JSON.stringify(recipe), seed, toStep: steps };
    return resumeStream({
      // A batch of which only a part has come is asked for again as a whole.
      open: (after) =>
        this.#client.batches(
          { ...request, fromStep: after === undefined ? from : after.step + (after.last ? 1 : 0) },
          { signal },
        ),
      patienceMs,
      signal,
    });
  }
}

/** Puts batches together from their pieces. A batch that begins again, after a lost connection, replaces what had come of it. */
async function* assemble(messages: AsyncIterable<masking.BatchesResponse>, from: number): AsyncGenerator<Batch> {
  let step = from;
  let arrays = new Map<string, { array: HostUint8 | HostInt32; bytes: Uint8Array; filled: number }>();
  let first = "";
  for await (const piece of messages) {
    if (piece.step !== step) throw new StreamBroken(`the masking service sent batch ${piece.step} in place of ${step}`);
    if (arrays.size === 0) first = piece.name;
    if (piece.name === first && piece.offset === 0) arrays = new Map();
    const part = arrays.get(piece.name) ?? emptyArray(piece);
    if (part.filled !== piece.offset || piece.offset + piece.data.length > part.bytes.length) {
      throw new StreamBroken(`the masking service sent a piece of ${piece.name} of batch ${step} that does not fit`);
    }
    part.bytes.set(piece.data, piece.offset);
    part.filled += piece.data.length;
    arrays.set(piece.name, part);
    if (!piece.last) continue;
    for (const [name, { bytes, filled }] of arrays) {
      if (filled !== bytes.length)
        throw new StreamBroken(`the masking service left out a part of ${name} of batch ${step}`);
    }
    yield Object.fromEntries([...arrays].map(([name, { array }]) => [name, array]));
    arrays = new Map();
    step++;
  }
}

function emptyArray({ name, type, shape }: masking.BatchesResponse) {
  const elements = shape.reduce((product, side) => product * side, 1);
  if (type === masking.DataType.DATA_TYPE_UINT8) {
    const data = new Uint8Array(elements);
    return { array: { dtype: "uint8" as const, shape, data }, bytes: data, filled: 0 };
  }
  if (type === masking.DataType.DATA_TYPE_INT32) {
    const data = new Int32Array(elements);
    return { array: { dtype: "int32" as const, shape, data }, bytes: new Uint8Array(data.buffer), filled: 0 };
  }
  throw new StreamBroken(`the masking service sent ${name} in a type that batches do not have`);
}

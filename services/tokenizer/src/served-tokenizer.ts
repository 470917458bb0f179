import type { Store } from "@peco/artifacts";
import { loadTokenizer, type Tokenizer } from "@peco/training";
import { type HostArray, type Jitted, jit, random, State, type tf } from "tfjs-libtensorflow";

/** Pictures that one compiled call takes at most; fewer are filled up to a power of two, so that few shapes are compiled. */
const largestBatch = 64;

type TokenizeBatch = { readonly pictures: tf.Tensor4D };
type TokenizeMetrics = { readonly tokens: tf.Tensor3D };

/** A tokenizer that answers calls: its weights, and its compiled function for each batch size that was asked for. */
export class ServedTokenizer {
  readonly tokenizer: Tokenizer;
  /** By batch size. */
  readonly #compiled = new Map<number, Jitted<Record<string, never>, TokenizeBatch, TokenizeMetrics>>();
  readonly #state = State.of({});
  #users = 0;
  #retired = false;

  private constructor(tokenizer: Tokenizer) {
    this.tokenizer = tokenizer;
  }

  /** Loads a tokenizer. @throws WrongArtifact StoreFormatError ObjectMissing CorruptObject */
  static async load(store: Store, digest: string): Promise<ServedTokenizer> {
    return new ServedTokenizer(await loadTokenizer(store, digest));
  }

  /** Whether it was retired: it may be freed at any time, and must not be used any more. */
  get retired(): boolean {
    return this.#retired;
  }

  /** Does some work with it; it is not freed before that has ended. */
  async use<R>(work: (served: ServedTokenizer) => Promise<R>): Promise<R> {
    this.#users++;
    try {
      return await work(this);
    } finally {
      this.#users--;
      if (this.#retired) await this.retire();
    }
  }

  /** Tokens of n pictures, `uint8 [n, size, size, 3]`: int32 of n * rows * columns. Stops between batches when aborted. */
  async tokenize(pictures: Uint8Array, signal: AbortSignal): Promise<Int32Array> {
    const { side, preprocessing } = this.tokenizer;
    const [pictureBytes, tokensPerPicture] = [preprocessing.size ** 2 * 3, side * side];
    const count = pictures.length / pictureBytes;
    const all = new Int32Array(count * tokensPerPicture);
    for (let first = 0; first < count; first += largestBatch) {
      signal.throwIfAborted();
      const size = Math.min(largestBatch, count - first);
      const part = pictures.subarray(first * pictureBytes, (first + size) * pictureBytes);
      const { tokens } = await this.#run(part, size);
      const { data } = tokens as HostArray<"int32">;
      all.set(data.subarray(0, size * tokensPerPicture), first * tokensPerPicture);
    }
    return all;
  }

  #run(pictures: Uint8Array, count: number): Promise<{ tokens: HostArray }> {
    const { size } = this.tokenizer.preprocessing;
    const batch = 2 ** Math.ceil(Math.log2(count));
    const data = new Uint8Array(batch * size * size * 3);
    data.set(pictures);
    const filled: HostArray<"uint8"> = { dtype: "uint8", shape: [batch, size, size, 3], data };
    return this.#compiledFor(batch).run(this.#state, { pictures: filled }, random.key(0));
  }

  #compiledFor(batch: number): Jitted<Record<string, never>, TokenizeBatch, TokenizeMetrics> {
    const found = this.#compiled.get(batch);
    if (found !== undefined) return found;
    const { tokenise } = this.tokenizer;
    const compiled = jit(
      (state: Record<string, never>, { pictures }: TokenizeBatch) => ({
        state,
        metrics: { tokens: tokenise(pictures) },
      }),
      { name: `tokenize ${batch}`, compiler: "graph" },
    );
    this.#compiled.set(batch, compiled);
    return compiled;
  }

  /** Frees it as soon as nothing uses it. */
  async retire(): Promise<void> {
    this.#retired = true;
    if (this.#users > 0) return;
    for (const compiled of this.#compiled.values()) compiled.dispose();
    this.tokenizer[Symbol.dispose]();
    await this.#state.dispose();
  }
}

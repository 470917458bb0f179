/** What gives any batch by its number, with equal bytes every time. */
export interface BatchSource<B> {
  at(step: number): Promise<B>;
}

/**
 * Keeps the next `depth` batches of a source under way, so that the trainer does not wait for them,
 * and measures how long it waited all the same.
 */
export class ReadAhead<B> {
  readonly #source: BatchSource<B>;
  readonly #end: number;
  readonly #depth: number;
  readonly #queue = new Map<number, Promise<B>>();
  /** Milliseconds spent in `take` so far. */
  waitedMs = 0;

  /** Reads ahead up to, not including, batch `end`. */
  constructor(source: BatchSource<B>, end: number, depth = 2) {
    this.#source = source;
    this.#end = end;
    this.#depth = depth;
  }

  /** The batch of one step; starts making the following ones. */
  async take(step: number): Promise<B> {
    for (let ahead = step; ahead < Math.min(step + 1 + this.#depth, this.#end); ahead++) this.#start(ahead);
    const batch = this.#queue.get(step) ?? this.#source.at(step);
    this.#queue.delete(step);
    const before = performance.now();
    try {
      return await batch;
    } finally {
      this.waitedMs += performance.now() - before;
    }
  }

  #start(step: number): void {
    if (this.#queue.has(step)) return;
    const batch = this.#source.at(step);
    // A batch that fails is reported by the `take` that wants it, not as an unhandled rejection before.
    batch.catch(() => undefined);
    this.#queue.set(step, batch);
  }
}

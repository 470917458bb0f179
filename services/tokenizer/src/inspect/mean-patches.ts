/** The mean of all patches that carry a code, for every code. */
export class MeanPatches {
  readonly #patch: number;
  readonly #sums: Float64Array;
  readonly #counts: Uint32Array;

  /** @param patch pixels along a side of what a token stands for */
  constructor(codes: number, patch: number) {
    this.#patch = patch;
    this.#sums = new Float64Array(codes * patch * patch * 3);
    this.#counts = new Uint32Array(codes);
  }

  /** Adds a picture `[size, size, 3]` with its tokens `[size / patch, size / patch]`. */
  add(picture: Uint8Array, tokens: Int32Array): void {
    const [patch, side] = [this.#patch, Math.sqrt(tokens.length)];
    const line = patch * 3;
    tokens.forEach((code, place) => {
      this.#counts[code] = (this.#counts[code] as number) + 1;
      const [top, left] = [Math.floor(place / side) * patch, (place % side) * patch];
      for (let y = 0; y < patch; y++) {
        const from = ((top + y) * side * patch + left) * 3;
        const to = (code * patch + y) * line;
        for (let i = 0; i < line; i++)
          this.#sums[to + i] = (this.#sums[to + i] as number) + (picture[from + i] as number);
      }
    });
  }

  /** The mean patch of a code, `[patch, patch, 3]`; null for a code that never occurred. */
  mean(code: number): Uint8Array | null {
    const count = this.#counts[code] as number;
    if (count === 0) return null;
    const size = this.#patch ** 2 * 3;
    return Uint8Array.from(this.#sums.subarray(code * size, (code + 1) * size), (sum) => Math.round(sum / count));
  }
}

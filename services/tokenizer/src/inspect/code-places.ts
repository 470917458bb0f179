/** A place in a picture that carries a code. */
export interface CodePlace {
  /** Number of the picture in the selection, from 0. */
  readonly picture: number;
  readonly row: number;
  readonly column: number;
  /** Squared distance of its latent from the code; null where the tokenizer has no latents. */
  readonly distance: number | null;
}

/** Tokens of pictures one after the other, with the distance of each from its code, to ask which places lie nearest to a code. */
export class CodePlaces {
  readonly #side: number;
  readonly #tokens: Int32Array;
  readonly #distances: Float32Array | null;
  #filled = 0;

  /** Room for the tokens of `pictures` pictures. */
  constructor(pictures: number, side: number, withDistances: boolean) {
    this.#side = side;
    this.#tokens = new Int32Array(pictures * side * side);
    this.#distances = withDistances ? new Float32Array(this.#tokens.length) : null;
  }

  /** Tokens of all pictures. */
  get tokens(): Int32Array {
    return this.#tokens.subarray(0, this.#filled);
  }

  /** Adds the tokens of further pictures. */
  add(tokens: Int32Array, distances: Float32Array | null): void {
    this.#tokens.set(tokens, this.#filled);
    if (distances !== null) this.#distances?.set(distances, this.#filled);
    this.#filled += tokens.length;
  }

  /**
   * For each of some codes the places that lie nearest to it, at most `count`, nearest first; the first ones where nothing says how near.
   * A picture gives each code at most one place, so that a plain background does not take all.
   */
  nearest(codes: readonly number[], count: number): CodePlace[][] {
    const found = new Map(codes.map((code): [number, CodePlace[]] => [code, []]));
    const perPicture = this.#side ** 2;
    for (let first = 0; first < this.#filled; first += perPicture) {
      for (const [code, place] of this.#bestOf(first, found)) insert(found.get(code) as CodePlace[], place, count);
    }
    return codes.map((code) => found.get(code) as CodePlace[]);
  }

  /** The nearest place of one picture for each code of interest that it carries. */
  #bestOf(first: number, wanted: ReadonlyMap<number, unknown>): Map<number, CodePlace> {
    const best = new Map<number, CodePlace>();
    const perPicture = this.#side ** 2;
    for (let i = 0; i < perPicture; i++) {
      const code = this.#tokens[first + i] as number;
      if (!wanted.has(code)) continue;
      const distance = this.#distances === null ? null : (this.#distances[first + i] as number);
      const before = best.get(code);
      if (before !== undefined && (before.distance === null || before.distance <= (distance as number))) continue;
      const [row, column] = [Math.floor(i / this.#side), i % this.#side];
      best.set(code, { picture: first / perPicture, row, column, distance });
    }
    return best;
  }
}

/** Puts a place into a list that is sorted by distance and has at most `count` entries. */
function insert(places: CodePlace[], place: CodePlace, count: number): void {
  const nearer = (other: CodePlace) => place.distance !== null && (other.distance as number) > place.distance;
  const at = places.findIndex(nearer);
  if (at === -1) places.push(place);
  else places.splice(at, 0, place);
  if (places.length > count) places.pop();
}

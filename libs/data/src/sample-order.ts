import { fold, type Key, stream } from "@peco/random";

/**
 * The order in which samples are drawn: every epoch is its own seeded permutation, so that each sample comes once before any comes
 * twice, and any step follows from its number alone. A batch may reach over the end of an epoch.
 */
export class SampleOrder {
  readonly #key: Key;
  readonly #count: number;
  #epoch = -1;
  #permutation: Uint32Array = new Uint32Array(0);

  constructor(key: Key, count: number) {
    this.#key = key;
    this.#count = count;
  }

  /** Which of the `count` samples comes at `position`, counted over all epochs from 0. */
  at(position: number): number {
    const epoch = Math.floor(position / this.#count);
    if (epoch !== this.#epoch) {
      this.#permutation = stream(fold(this.#key, epoch)).permutation(this.#count);
      this.#epoch = epoch;
    }
    return this.#permutation[position - epoch * this.#count] as number;
  }
}

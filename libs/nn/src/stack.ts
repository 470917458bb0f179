import { type Tree, tf } from "tfjs-libtensorflow";
import { leaves, type Named, withLeaves } from "./tree.ts";

/** Leaves with at most this many values are stacked: below, starting an operation costs more than copying the values. */
const smallest = 1 << 16;

/**
 * Lays the small leaves of a tree behind each other in one vector, so that an elementwise update of a whole network is a
 * few operations instead of a few for each of its hundreds of leaves. Large leaves stay as they are.
 */
export class Stack<T extends Tree> {
  readonly #like: T;
  readonly #leaves: readonly Named[];
  /** Places in `#leaves` of the small and of the large ones. */
  readonly #small: readonly number[];
  readonly #large: readonly number[];

  /** The layout for trees with the structure and shapes of `like`. */
  constructor(like: T) {
    this.#like = like;
    this.#leaves = leaves(like);
    const places = this.#leaves.map((_, place) => place);
    const isSmall = (place: number) => this.#leaf(place).tensor.size <= smallest;
    this.#small = places.filter(isSmall);
    this.#large = places.filter((place) => !isSmall(place));
  }

  /** The vector of the small leaves, if there are any, and then each large leaf in its own shape. */
  pack(tree: T): tf.Tensor[] {
    const tensors = leaves(tree).map(({ tensor }) => tensor);
    const large = this.#large.map((place) => tensors[place] as tf.Tensor);
    if (this.#small.length === 0) return large;
    return [tf.concat1d(this.#small.map((place) => tf.reshape(tensors[place] as tf.Tensor, [-1]))), ...large];
  }

  /** The tree that `pack` was given. */
  unpack(packed: readonly tf.Tensor[]): T {
    const tensors: tf.Tensor[] = [];
    const large = this.#small.length === 0 ? packed : packed.slice(1);
    this.#large.forEach((place, i) => {
      tensors[place] = large[i] as tf.Tensor;
    });
    if (this.#small.length > 0) {
      const parts = tf.split(
        packed[0] as tf.Tensor1D,
        this.#small.map((place) => this.#leaf(place).tensor.size),
      );
      this.#small.forEach((place, i) => {
        tensors[place] = tf.reshape(parts[i] as tf.Tensor, this.#leaf(place).tensor.shape);
      });
    }
    return withLeaves(this.#like, tensors);
  }

  /** A number for each leaf, as factors of what `pack` gives: one number where all agree, else a constant vector. */
  factors(of: (leaf: Named) => number): (number | tf.Tensor1D)[] {
    const large = this.#large.map((place) => of(this.#leaf(place)));
    if (this.#small.length === 0) return large;
    const values = this.#small.map((place) => of(this.#leaf(place)));
    const first = values[0] as number;
    if (values.every((value) => value === first)) return [first, ...large];
    const sizes = this.#small.map((place) => this.#leaf(place).tensor.size);
    const vector = new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
    let offset = 0;
    values.forEach((value, i) => {
      const size = sizes[i] as number;
      vector.fill(value, offset, offset + size);
      offset += size;
    });
    return [tf.tensor1d(vector), ...large];
  }

  #leaf(place: number): Named {
    return this.#leaves[place] as Named;
  }
}

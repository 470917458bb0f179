/** A picture of any shape, `[height, width, 3]`. */
export interface SheetPicture {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

/** Pixels between two tiles. */
const gap = 4;

/** A white sheet of square tiles, row by row. */
export class Sheet {
  readonly #tile: number;
  readonly #width: number;
  readonly #data: Uint8Array;
  readonly #height: number;

  /** @param tile pixels along a side of a tile */
  constructor(rows: number, columns: number, tile: number) {
    this.#tile = tile;
    this.#width = gap + columns * (tile + gap);
    this.#height = gap + rows * (tile + gap);
    this.#data = new Uint8Array(this.#width * this.#height * 3).fill(255);
  }

  /** Puts a square picture `[size, size, 3]` into a tile, each pixel made larger or left out, so that pixels stay visible. */
  put(row: number, column: number, picture: Uint8Array): void {
    const size = Math.sqrt(picture.length / 3);
    const [top, left] = [gap + row * (this.#tile + gap), gap + column * (this.#tile + gap)];
    for (let y = 0; y < this.#tile; y++) {
      for (let x = 0; x < this.#tile; x++) {
        const from = (Math.floor((y * size) / this.#tile) * size + Math.floor((x * size) / this.#tile)) * 3;
        const to = ((top + y) * this.#width + left + x) * 3;
        for (let c = 0; c < 3; c++) this.#data[to + c] = picture[from + c] as number;
      }
    }
  }

  /** The sheet. */
  picture(): SheetPicture {
    return { height: this.#height, width: this.#width, data: this.#data };
  }
}

/**
 * The part of a picture `[size, size, 3]` around a patch: three patches a side, moved inwards at the edges, or the whole picture where it
 * is smaller.
 */
export function windowAround(
  picture: Uint8Array,
  size: number,
  patch: number,
  row: number,
  column: number,
): Uint8Array {
  const side = Math.min(3 * patch, size);
  const start = (place: number) => Math.min(Math.max((place - 1) * patch, 0), size - side);
  const [top, left] = [start(row), start(column)];
  const out = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const from = ((top + y) * size + left) * 3;
    out.set(picture.subarray(from, from + side * 3), y * side * 3);
  }
  return out;
}

import { CorruptPack } from "./errors.ts";
import { type PackedPicture, type Split, splitName } from "./pack-index.ts";

const MAGIC = Buffer.from("PECOTAB1", "latin1");
const HEADER = 16;
const HASH = 32;
const splits = splitName.options;
const LABELLED = 4;
const NO_LABEL = -1;

/** Where an encoded picture's file lies, and its size once decoded. */
export interface EncodedPlace {
  readonly shard: number;
  /** Offset of its first byte in the shard. */
  readonly start: number;
  readonly bytes: number;
  /** Upright, as EXIF says. */
  readonly height: number;
  readonly width: number;
}

/** What is known about each picture of a pack, as columns: 63 bytes and its name for one, in memory that all threads see. */
export interface Columns {
  readonly start: Float64Array;
  readonly bytes: Uint32Array;
  readonly height: Uint32Array;
  readonly width: Uint32Array;
  readonly label: Int32Array;
  /** Where each name ends; it starts where the one before ends. */
  readonly nameEnd: Uint32Array;
  readonly shard: Uint16Array;
  /** Place of the split in train, validation, test; 4 more where the label may be used. */
  readonly flags: Uint8Array;
  /** SHA-256, 32 bytes each. */
  readonly hash: Uint8Array;
  /** UTF-8. */
  readonly names: Uint8Array;
}

/**
 * The pictures of a pack by their place. A million of them take about 100 MB, so that a set of ImageNet's size is opened in seconds;
 * `pictures.table` of an encoded pack is these bytes: `PECOTAB1`, number of pictures, bytes of names (32 bits each, little-endian), and
 * the columns of {@link Columns} one after the other.
 */
export class PictureTable {
  readonly length: number;
  readonly columns: Columns;
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array, length: number, names: number) {
    this.#bytes = bytes;
    this.length = length;
    this.columns = columnsOf(bytes, length, names);
  }

  /** A table of pictures in their order; `place` is left out where pictures are pixels. */
  static of(pictures: readonly (PackedPicture & { readonly place?: EncodedPlace })[]): PictureTable {
    const names = pictures.map(({ name }) => Buffer.byteLength(name)).reduce((sum, length) => sum + length, 0);
    const bytes = new Uint8Array(new SharedArrayBuffer(sizeOf(pictures.length, names)));
    bytes.set(MAGIC);
    new DataView(bytes.buffer).setUint32(8, pictures.length, true);
    new DataView(bytes.buffer).setUint32(12, names, true);
    const table = new PictureTable(bytes, pictures.length, names);
    const { columns } = table;
    const text = Buffer.from(columns.names.buffer, columns.names.byteOffset, names);
    let end = 0;
    pictures.forEach(({ name, hash, label, split, labelled, place }, at) => {
      end += text.write(name, end);
      columns.nameEnd[at] = end;
      columns.hash.set(Buffer.from(hash, "hex"), at * HASH);
      columns.label[at] = label ?? NO_LABEL;
      columns.flags[at] = splits.indexOf(split) + (labelled ? LABELLED : 0);
      if (place !== undefined) for (const key of placeKeys) columns[key][at] = place[key];
    });
    return table;
  }

  /**
   * A table as it lies in a store.
   *
   * @param limits what the index beside it says: number of pictures and of classes, bytes of each shard
   * @throws CorruptPack when it is not whole or says what cannot be
   */
  static parse(
    bytes: Uint8Array,
    limits: {
      readonly count: number;
      readonly classes: number;
      readonly shards: readonly { readonly bytes: number }[];
    },
  ): PictureTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < HEADER || !MAGIC.equals(bytes.subarray(0, 8))) throw corrupt("is none");
    const [length, names] = [view.getUint32(8, true), view.getUint32(12, true)];
    if (bytes.length !== sizeOf(length, names))
      throw corrupt(`has ${bytes.length} bytes, not ${sizeOf(length, names)}`);
    if (length !== limits.count) throw corrupt(`has ${length} pictures, and its index ${limits.count}`);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    const table = new PictureTable(shared, length, names);
    table.#check(limits);
    return table;
  }

  /** The bytes of `pictures.table`. */
  toBytes(): Uint8Array {
    return this.#bytes;
  }

  /** Everything about the picture at a place. */
  at(place: number): PackedPicture {
    return {
      name: this.name(place),
      hash: this.hash(place),
      label: this.label(place),
      split: this.split(place),
      labelled: this.labelled(place),
    };
  }

  name(place: number): string {
    const { names, nameEnd } = this.columns;
    const start = place === 0 ? 0 : (nameEnd[place - 1] as number);
    return Buffer.from(names.buffer, names.byteOffset + start, (nameEnd[place] as number) - start).toString();
  }

  /** SHA-256 of the file's bytes, 64 hexadecimal digits. */
  hash(place: number): string {
    return Buffer.from(this.columns.hash.subarray(place * HASH, (place + 1) * HASH)).toString("hex");
  }

  label(place: number): number | null {
    const label = this.columns.label[place] ?? NO_LABEL;
    return label === NO_LABEL ? null : label;
  }

  split(place: number): Split {
    return splits[(this.columns.flags[place] as number) % LABELLED] as Split;
  }

  /** Whether fine-tuning may use its label. */
  labelled(place: number): boolean {
    return (this.columns.flags[place] as number) >= LABELLED;
  }

  *[Symbol.iterator](): Generator<PackedPicture> {
    for (let place = 0; place < this.length; place++) yield this.at(place);
  }

  #check({ classes, shards }: { classes: number; shards: readonly { bytes: number }[] }): void {
    const { start, bytes, shard, label, flags, nameEnd, names } = this.columns;
    let nameStart = 0;
    for (let at = 0; at < this.length; at++) {
      const end = nameEnd[at] as number;
      const within = shards[shard[at] as number];
      const first = start[at] as number;
      const isInShard =
        within !== undefined && Number.isInteger(first) && first >= 0 && first + (bytes[at] as number) <= within.bytes;
      const isKnown = (label[at] as number) >= NO_LABEL && (label[at] as number) < classes;
      if (!isInShard || !isKnown || end < nameStart || (flags[at] as number) % LABELLED >= splits.length)
        throw corrupt(`says what cannot be about picture ${at}`);
      nameStart = end;
    }
    if (nameStart !== names.length) throw corrupt("has names that belong to no picture");
  }
}

const placeKeys = ["start", "bytes", "height", "width", "shard"] as const;

function sizeOf(length: number, names: number): number {
  return HEADER + length * (8 + 5 * 4 + 2 + 1 + HASH) + names;
}

/** The columns with the widest elements come first, so that each begins where its type has to. */
function columnsOf({ buffer }: Uint8Array, length: number, names: number): Columns {
  let at = HEADER;
  const next = (bytes: number) => {
    const start = at;
    at += bytes;
    return start;
  };
  const words = () => next(4 * length);
  return {
    start: new Float64Array(buffer, next(8 * length), length),
    bytes: new Uint32Array(buffer, words(), length),
    height: new Uint32Array(buffer, words(), length),
    width: new Uint32Array(buffer, words(), length),
    label: new Int32Array(buffer, words(), length),
    nameEnd: new Uint32Array(buffer, words(), length),
    shard: new Uint16Array(buffer, next(2 * length), length),
    flags: new Uint8Array(buffer, next(length), length),
    hash: new Uint8Array(buffer, next(HASH * length), HASH * length),
    names: new Uint8Array(buffer, next(names), names),
  };
}

function corrupt(problem: string): CorruptPack {
  return new CorruptPack(`the table of packed pictures ${problem}`, {
    remedy: "Start `./peco run` again: packed pictures that are not whole are made anew.",
  });
}

import { dtypeName } from "../dtype.ts";
import { TensorFlowError } from "../errors.ts";
import { api } from "../ffi/api.ts";
import type { TensorData } from "./tensor-memory.ts";

/** What an id that tfjs holds stands for: an eager tensor, data that a trace made, or a value of the program being traced. */
export type Entry = {
  readonly dtype: number;
  readonly shape: number[];
} & (
  | { readonly kind: "eager"; readonly handle: bigint }
  | { readonly kind: "constant"; readonly data: TensorData }
  | { readonly kind: "traced"; readonly trace: object; readonly value: number }
);

/** Maps the ids that tfjs holds to what they stand for, so that a stale id is an error and never an address. */
export class HandleTable {
  #next = 1;
  readonly #entries = new Map<number, Entry>();

  add(entry: Entry): number {
    const id = this.#next++;
    this.#entries.set(id, entry);
    return id;
  }

  /** Throws `TensorFlowError` when the id is unknown, as after the tensor was disposed. */
  get(id: number, op?: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined)
      throw new TensorFlowError(
        "INVALID_ARGUMENT",
        `tensor handle ${id} is unknown: the tensor was disposed, or is none of this backend`,
        {
          op,
        },
      );
    return entry;
  }

  replace(id: number, entry: Entry): void {
    this.#entries.set(id, entry);
  }

  /** Forgets an id and frees what it held; an unknown id is left alone, as tfjs may delete twice. */
  delete(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    if (entry.kind === "eager") api().TFE_DeleteTensorHandle(entry.handle);
  }

  get size(): number {
    return this.#entries.size;
  }
}

/** Text of an entry for messages: `float32[2,3]`. */
export function entryText({ dtype, shape }: Entry): string {
  return `${dtypeName(dtype)}[${shape.join(",")}]`;
}

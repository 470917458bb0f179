import type { Checkpoints } from "@peco/artifacts";
import type { StageContext } from "@peco/stage";
import { decodeSafetensors, encodeSafetensors, type HostArray } from "tfjs-libtensorflow";
import { z } from "zod";
import { type SavedHistory, savedHistory } from "./history.ts";

/** Everything that the trainer of one network needs to go on after step `step` as if nothing had happened. */
export interface Checkpoint {
  /** Steps done. */
  step: number;
  /** Products and convolutions of a step, 10^9 operations; a finished network is not traced again to know it. */
  gflopPerStep: number;
  /** The state's leaves by sorted dotted path. */
  state: Record<string, HostArray>;
  history: SavedHistory;
}

const network = z.object({
  part: z.string(),
  step: z.int(),
  gflopPerStep: z.number().nonnegative(),
  history: savedHistory,
});
const meta = z.object({ networks: z.array(network) });

/**
 * The checkpoints of one stage. A stage may train several networks one after the other (fine-tuning does): each
 * checkpoint holds those that are finished and the one under way, so one pointer tells the whole stage's state.
 */
export class StageCheckpoints {
  readonly #store: Checkpoints;
  readonly #networks: Map<string, Checkpoint>;
  #saves = 0;

  private constructor(store: Checkpoints, networks: Map<string, Checkpoint>) {
    this.#store = store;
    this.#networks = networks;
  }

  /** Reads the newest whole checkpoint. A damaged one is named in a note, and the one before is taken. */
  static async open(context: StageContext): Promise<StageCheckpoints> {
    const store = context.checkpoints;
    const saved = await store.latest(({ message, earlierLeft }) => {
      const instead = earlierLeft ? "the checkpoint before it is used" : "training starts anew";
      context.log.error(message);
      context.emit({ kind: "note", text: `${message}; ${instead}` });
    });
    const networks = new Map<string, Checkpoint>();
    for (const { part, ...rest } of saved === null ? [] : meta.parse(saved.meta).networks) {
      const weights = saved?.blobs[`${part}.safetensors`];
      if (weights !== undefined) networks.set(part, { ...rest, state: decodeSafetensors(weights).tensors });
    }
    return new StageCheckpoints(store, networks);
  }

  /** The checkpoint of a network, if it was begun. */
  of(part: string): Checkpoint | undefined {
    return this.#networks.get(part);
  }

  /** Saves the state of a network, beside those of the others. */
  async save(part: string, checkpoint: Checkpoint): Promise<void> {
    this.#networks.set(part, checkpoint);
    const blobs: Record<string, Uint8Array> = {};
    const networks = [];
    for (const [name, { state, step, gflopPerStep, history }] of this.#networks) {
      blobs[`${name}.safetensors`] = encodeSafetensors(state);
      networks.push({ part: name, step, gflopPerStep, history: { ...history } });
    }
    await this.#store.save({ step: this.#saves++, blobs, meta: { networks } });
  }
}

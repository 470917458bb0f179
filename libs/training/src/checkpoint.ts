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
const meta = z.object({ networks: z.array(network), results: z.record(z.string(), z.json()).default({}) });
type Json = z.infer<ReturnType<typeof z.json>>;

/**
 * The checkpoints of one stage. A stage may train several networks one after the other (fine-tuning does): each
 * checkpoint holds those that are finished and the one under way, so one pointer tells the whole stage's state. What was
 * measured in parts can be kept beside them.
 */
export class StageCheckpoints {
  readonly #store: Checkpoints;
  readonly #networks: Map<string, Checkpoint>;
  readonly #results: Map<string, Json>;
  #saves = 0;

  private constructor(store: Checkpoints, networks: Map<string, Checkpoint>, results: Map<string, Json>) {
    this.#store = store;
    this.#networks = networks;
    this.#results = results;
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
    const known = saved === null ? { networks: [], results: {} } : meta.parse(saved.meta);
    for (const { part, ...rest } of known.networks) {
      const weights = saved?.blobs[`${part}.safetensors`];
      if (weights !== undefined) networks.set(part, { ...rest, state: decodeSafetensors(weights).tensors });
    }
    return new StageCheckpoints(store, networks, new Map(Object.entries(known.results)));
  }

  /** The checkpoint of a network, if it was begun. */
  of(part: string): Checkpoint | undefined {
    return this.#networks.get(part);
  }

  /** What was measured in a part that was finished before, as JSON. */
  result(part: string): Json | undefined {
    return this.#results.get(part);
  }

  /** Keeps what a finished part measured. The network of that name, if it trained one, is no longer needed. */
  async saveResult(part: string, result: Json): Promise<void> {
    this.#results.set(part, result);
    this.#networks.delete(part);
    await this.#save();
  }

  /** Saves the state of a network, beside those of the others. */
  async save(part: string, checkpoint: Checkpoint): Promise<void> {
    this.#networks.set(part, checkpoint);
    await this.#save();
  }

  async #save(): Promise<void> {
    const blobs: Record<string, Uint8Array> = {};
    const networks = [];
    for (const [name, { state, step, gflopPerStep, history }] of this.#networks) {
      blobs[`${name}.safetensors`] = encodeSafetensors(state);
      networks.push({ part: name, step, gflopPerStep, history: { ...history } });
    }
    await this.#store.save({
      step: this.#saves++,
      blobs,
      meta: { networks, results: Object.fromEntries(this.#results) },
    });
  }
}

import { createReadStream } from "node:fs";
import { dirname, join } from "node:path";
import { Store, StoreError } from "@peco/artifacts";
import type { CardInputs, ReproducibilityCard } from "@peco/report";
import type { Experiment } from "../run/experiment.ts";

/** Artifacts that a card's run was given by earlier runs, as they were found. */
export interface Given {
  /** By the stage that made each. */
  readonly artifacts: ReadonlyMap<string, string>;
  /** Where they lie. */
  readonly store: Store;
}

/** Thrown when an artifact that a card's run was given is not to be had: repeating all that made it would be another run. */
export class GivenMissing extends Error {
  override readonly name = "GivenMissing";
  readonly exitCode = 65;
  readonly remedy =
    "Give the card where its run wrote it, STORE/runs/RUN/card.json, in the store that still has them; or repeat the runs that made them.";
  readonly path: string;
  constructor(path: string, { name, kind, artifact }: CardInputs["given"][number], why: string) {
    super(
      `the card's run did not make its ${name} (${kind} ${artifact.slice(0, 12)}), it was given by an earlier run: ${why}`,
    );
    this.path = path;
  }
}

/**
 * Finds what a card's run was given, in the store that the card lies in; null where it was given nothing.
 *
 * @throws GivenMissing
 */
export async function findGiven(
  { inputs }: ReproducibilityCard,
  cardPath: string,
  { stages }: Experiment,
): Promise<Given | null> {
  const [first] = inputs?.given ?? [];
  if (inputs === undefined || first === undefined) return null;
  const folder = join(dirname(cardPath), "..", "..");
  const store = await Store.open(folder).catch((error: unknown) => {
    if (error instanceof StoreError) throw new GivenMissing(folder, first, `${folder} is no store`);
    throw error;
  });
  const artifacts = new Map<string, string>();
  for (const given of inputs.given) {
    const problem = await store.incomplete(given.artifact);
    if (problem !== null) throw new GivenMissing(folder, given, `in the store ${folder} ${problem}`);
    const madeBy = stages.map((stage) => stage.inputs[given.name]).find((name) => name !== undefined);
    if (madeBy === undefined) throw new GivenMissing(folder, given, "no stage here takes such an input");
    artifacts.set(madeBy, given.artifact);
  }
  return { artifacts, store };
}

/**
 * Brings artifacts into a repetition's store with all that they were made from, which their manifests name; results of stages are not
 * among it.
 *
 * @throws CorruptObject ObjectMissing
 */
export async function bringGiven({ artifacts, store }: Given, into: Store): Promise<void> {
  for (const artifact of artifacts.values())
    for (const { manifest } of await store.lineage(artifact)) {
      for (const { digest } of Object.values(manifest.blobs))
        await into.putBlob(createReadStream(await store.blobFile(digest)));
      await into.publish(manifest);
    }
}

import type { Store } from "@peco/artifacts";
import type { Architecture } from "@peco/models";
import { loadModel, subtree, visionTransformerConfig, WrongArtifact } from "@peco/training";
import type { HostArray } from "tfjs-libtensorflow";
import { z } from "zod";
import { UsageError } from "../usage-error.ts";
import { type Network, ownView } from "./network.ts";

/** Which of a classifier artifact's networks is meant. */
export interface NetworkChoice {
  /** Its number from 1; the one that is best on validation at the chosen learning rate when left out. */
  readonly network?: number;
  /** The moving average of its weights. */
  readonly average?: boolean;
}

/** Kinds of artifacts that are a vision transformer. */
const kinds = ["classifier", "pretrained-vit", "perceptual-network"];

const anyConfig = z.record(z.string(), z.unknown());

const classifierConfig = z.object({
  vit: visionTransformerConfig,
  classes: z.array(z.string()).min(1),
  lr: z.number(),
  networks: z.array(z.object({ lr: z.number(), validation: z.number() })).min(1),
});

/**
 * A network of an artifact, with the preprocessing that it was evaluated with.
 *
 * @throws WrongArtifact StoreFormatError ObjectMissing CorruptObject UsageError
 */
export async function artifactNetwork(store: Store, digest: string, choice: NetworkChoice): Promise<Network> {
  const { kind } = await loadKind(store, digest);
  const pack = await packSide(store, digest);
  if (kind === "classifier") return classifierNetwork(store, digest, choice, pack);
  if (choice.network !== undefined || choice.average === true) {
    throw new UsageError(
      `--network and --average choose among a classifier's networks, and ${digest.slice(0, 12)} is a "${kind}"`,
      "Leave them out.",
    );
  }
  const { config: vit, weights } = await loadModel(store, digest, kinds, visionTransformerConfig);
  const pretraining = kind === "pretrained-vit";
  const architecture: Architecture = {
    vit,
    role: pretraining ? "pretraining" : "encoder",
    pool: pretraining ? "mean" : "class-token",
    outputs: pretraining ? (weights["head.bias"]?.shape[0] ?? 0) : 0,
    tables: "shared",
    finalNorm: true,
  };
  return { name: shortName(digest), architecture, weights, classes: null, view: ownView(vit.size, pack), notes: [] };
}

/** Refuses what is no vision transformer before its weights are read. */
async function loadKind(store: Store, digest: string): Promise<{ kind: string }> {
  const { kind, meta } = await store.manifest(digest);
  if (!kinds.includes(kind)) throw new WrongArtifact(digest, kind, kinds);
  const { config } = z.object({ config: anyConfig.catch({}) }).parse(meta);
  if (config["network"] === "vgg16") throw new WrongArtifact(digest, "VGG-16", ["vision transformer"]);
  return { kind };
}

/** Side of the pack of pixels that a network was made from, null where it was made from picture files or outside. */
async function packSide(store: Store, digest: string): Promise<number | null> {
  const data = (await store.lineage(digest)).find(({ manifest }) => manifest.kind === "data");
  const seen = z.object({ preprocessing: z.object({ size: z.int().positive() }) }).safeParse(data?.manifest.meta);
  return seen.success ? seen.data.preprocessing.size : null;
}

async function classifierNetwork(
  store: Store,
  digest: string,
  choice: NetworkChoice,
  pack: number | null,
): Promise<Network> {
  const { config, weights } = await loadModel(store, digest, ["classifier"], classifierConfig);
  const number = choice.network ?? bestNetwork(config) + 1;
  const under = choice.average === true ? "averages" : "networks";
  const own: Record<string, HostArray> = subtree(weights, `${under}.${number - 1}`);
  if (Object.keys(own).length === 0) {
    const count = config.networks.length;
    throw number > count
      ? new UsageError(
          `--network ${number}: artifact ${digest.slice(0, 12)} has ${count} networks`,
          "Give a lower number.",
        )
      : new UsageError(
          `artifact ${digest.slice(0, 12)} has no moving average of its weights`,
          "Leave --average out, or train with finetune.averageDecay.",
        );
  }
  const architecture: Architecture = {
    vit: config.vit,
    role: "classifier",
    pool: "mean",
    outputs: config.classes.length,
    tables: "own",
    finalNorm: false,
  };
  const { lr, validation } = config.networks[number - 1] as (typeof config.networks)[number];
  const which = choice.average === true ? `average of network ${number}` : `network ${number}`;
  return {
    name: `${shortName(digest)}, ${which} of ${config.networks.length}`,
    architecture,
    weights: own,
    classes: config.classes,
    view: ownView(config.vit.size, pack),
    notes: [`${which}: learning rate ${lr}, ${(100 * validation).toFixed(1)} % right on validation`],
  };
}

/** The network that is best on validation among those of the chosen learning rate. */
function bestNetwork({ lr, networks }: z.infer<typeof classifierConfig>): number {
  const of = networks.map((network, i) => ({ ...network, i })).filter((network) => network.lr === lr);
  return of.reduce((best, network) => (network.validation > best.validation ? network : best)).i;
}

function shortName(digest: string): string {
  return `artifact ${digest.slice(0, 12)}`;
}

import {
  type ImportedWeights,
  type ImportOptions,
  importWeights,
  type KnownModel,
  knownModels,
  type NamedTensors,
  UnknownWeights,
  WeightsMismatch,
  weightShapes,
} from "@peco/models";
import { nearest } from "@peco/recipes";
import { type HostArray, readSafetensors } from "tfjs-libtensorflow";
import { openStore, resolveArtifact } from "../open-store.ts";
import { UsageError } from "../usage-error.ts";
import { artifactNetwork, type NetworkChoice } from "./artifact-network.ts";
import { importNotes, type Network } from "./network.ts";

/** The words by which `predict`, `features` and `evaluate robustness` are told which network they ask. */
export interface NetworkOptions extends NetworkChoice {
  readonly model?: string;
  readonly artifact?: string;
  readonly weights?: string;
  readonly partial?: boolean;
  readonly store?: string;
}

/**
 * The network that the options name: one of timm's models with weights from a file, or an artifact, with its own weights or a file's.
 *
 * @throws UsageError SafetensorsError WeightsMismatch UnknownWeights WrongArtifact ObjectMissing CorruptObject StoreFormatError
 */
export async function loadNetwork(options: NetworkOptions): Promise<Network> {
  const { model, artifact, weights } = options;
  if ((model === undefined) === (artifact === undefined)) {
    throw new UsageError(
      model === undefined ? "no network is named" : "--model and --artifact both name a network",
      "Give --artifact ID, or --model NAME with --weights FILE.safetensors.",
    );
  }
  if (model !== undefined) return modelNetwork(model, options);
  const store = await openStore(options.store);
  const digest = await resolveArtifact(store, artifact as string);
  const network = await artifactNetwork(store, digest, options);
  return weights === undefined ? network : withWeights(network, weights, options.partial ?? false);
}

async function modelNetwork(
  name: string,
  { weights, partial = false, network, average }: NetworkOptions,
): Promise<Network> {
  const model = knownModel(name);
  if (weights === undefined) {
    throw new UsageError(
      `--model ${name} needs weights, and none are fetched`,
      `Give --weights FILE.safetensors, for example timm's model.safetensors of ${name}.`,
    );
  }
  if (network !== undefined || average === true) {
    throw new UsageError("--network and --average choose among an artifact's networks", "Leave them out with --model.");
  }
  const { vit, pool, pictures } = model;
  const imported = await importFile(weights, (tensors) => ({
    role: "head.weight" in tensors || "head.bias" in tensors ? "classifier" : "encoder",
    heads: vit.heads,
    normalisation: vit,
    pool,
    known: vit,
    partial,
  }));
  const { size, interpolation, cropPct } = pictures;
  return {
    name,
    architecture: imported.architecture,
    weights: complete(imported),
    classes: null,
    view: { size, middle: null, resize: Math.floor(size / cropPct), filter: interpolation, pack: null },
    notes: importNotes(imported),
  };
}

function knownModel(name: string): KnownModel {
  const found = knownModels.find((model) => model.name === name);
  if (found !== undefined) return found;
  const names = knownModels.map((model) => model.name);
  const near = nearest(name, names);
  throw new UsageError(
    `--model ${name} is not known${near === null ? "" : `; did you mean ${near}?`}`,
    `Known are ${names.join(", ")}.`,
  );
}

/** An artifact's network with the weights of a file that has timm's names. */
async function withWeights(network: Network, path: string, partial: boolean): Promise<Network> {
  const { vit, role, pool, outputs } = network.architecture;
  const imported = await importFile(path, () => ({
    role: role === "pretraining" ? "encoder" : role,
    heads: vit.heads,
    normalisation: vit,
    pool,
    known: vit,
    ...(role === "classifier" && { outputs }),
    partial,
  }));
  const { architecture } = imported;
  return { ...network, architecture, weights: complete(imported), notes: importNotes(imported) };
}

/** Imports a file's weights; what does not fit is said with the file's name. */
async function importFile(path: string, options: (tensors: NamedTensors) => ImportOptions): Promise<ImportedWeights> {
  const { tensors } = await readSafetensors(path);
  try {
    return importWeights(tensors, options(tensors));
  } catch (error) {
    if (!(error instanceof WeightsMismatch || error instanceof UnknownWeights)) throw error;
    error.message = `${path}: ${error.message}`;
    const remedy = error instanceof WeightsMismatch ? `${error.remedy} --partial takes what fits.` : error.remedy;
    throw Object.assign(error, { path, remedy });
  }
}

/** The weights with those that a partial import did not find: 1 for the scale of a norm, else 0. */
function complete({ architecture, weights }: ImportedWeights): Record<string, HostArray> {
  const made = Object.entries(weightShapes(architecture)).map(([path, shape]): [string, HostArray] => {
    const found = weights[path];
    if (found !== undefined) return [path, found];
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    return [path, { dtype: "float32", shape, data: path.endsWith(".scale") ? data.fill(1) : data }];
  });
  return Object.fromEntries(made);
}

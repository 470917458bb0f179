import { canonicalJson, type Store, StoreFormatError } from "@peco/artifacts";
import type { StageContext } from "@peco/stage";
import { decodeSafetensors, encodeSafetensors, type HostArray } from "tfjs-libtensorflow";
import { z } from "zod";
import type { HistoryRow } from "./history.ts";

/** How pictures were prepared for a model: squares of `size` pixels, (x / 255 - mean) / std. */
export const preprocessing = z.strictObject({
  size: z.int().positive(),
  mean: z.tuple([z.number(), z.number(), z.number()]),
  std: z.tuple([z.number(), z.number(), z.number()]),
});
/** See {@link preprocessing}. */
export type Preprocessing = z.infer<typeof preprocessing>;

/** Where weights came from that were not trained here. */
export interface WeightsOrigin {
  /** What the file holds: the name of a preset or, where a recipe names none, the dialect of its tensors' names. */
  readonly preset: string;
  /** SHA-256 of the file's bytes. */
  readonly digest: string;
  /** Licence of the weights, in words; `unknown` where neither recipe nor file tells it. */
  readonly licence: string;
}

/** What a trainer publishes. */
export interface ModelContent {
  /** Kind of the artifact, such as `tokenizer`. */
  readonly kind: string;
  /** Weights by dotted path. */
  readonly weights: Readonly<Record<string, HostArray>>;
  /** What is needed to build the model again. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Rows, or rows by network where a stage trains several. */
  readonly history: readonly HistoryRow[] | Readonly<Record<string, readonly HistoryRow[]>>;
  readonly figures: { readonly gflop: number; readonly steps: number; readonly images: number };
  /** How its pictures are prepared. @default as the recipe's `image` says */
  readonly preprocessing?: Preprocessing;
  /** Whose weights they are, where they were not trained here. */
  readonly origin?: WeightsOrigin;
  /** Further blobs by name. */
  readonly blobs?: Readonly<Record<string, Uint8Array>>;
}

/**
 * Publishes a trained model as an artifact: `weights.safetensors`, `history.json` and, in `meta`, all that is needed to
 * use it. Equal content has the equal digest, whatever machine and however many attempts it took.
 */
export async function publishModel(context: StageContext, content: ModelContent): Promise<string> {
  const { store, spec, recipe } = context;
  const { size, mean, std } = recipe.image;
  const files: Record<string, Uint8Array> = {
    "weights.safetensors": encodeSafetensors(content.weights),
    // Canonical, since rows that came from a checkpoint have their names in another order.
    "history.json": new TextEncoder().encode(`${canonicalJson(content.history)}\n`),
    ...content.blobs,
  };
  const blobs = Object.fromEntries(
    await Promise.all(Object.entries(files).map(async ([name, bytes]) => [name, await store.putBlob(bytes)] as const)),
  );
  const meta = {
    config: content.config,
    preprocessing: content.preprocessing ?? { size, mean, std },
    ...(content.origin && { origin: { ...content.origin } }),
    recipe: spec.parts["recipe"] ?? {},
    gflop: content.figures.gflop,
    steps: content.figures.steps,
    images: content.figures.images,
  } as Parameters<Store["publish"]>[0]["meta"];
  const digest = await store.publish({ kind: content.kind, blobs, inputs: spec.inputs, meta });
  context.emit({ kind: "artifact", artifactKind: content.kind, digest });
  return digest;
}

/** A model as it lies in the store. */
export interface LoadedModel<C> {
  readonly digest: string;
  readonly kind: string;
  readonly config: C;
  readonly preprocessing: Preprocessing;
  /** Weights by dotted path. */
  readonly weights: Readonly<Record<string, HostArray>>;
}

/** Thrown when an artifact is not of the kind that is needed. */
export class WrongArtifact extends Error {
  override readonly name = "WrongArtifact";
  readonly exitCode = 76;
  readonly remedy = "Look with `./peco artifacts ls` for one of the right kind.";
  /** The artifact's digest. */
  readonly path: string;
  constructor(digest: string, kind: string, wanted: readonly string[]) {
    super(`artifact ${digest} is a "${kind}" and not a "${wanted.join('" or "')}"`);
    this.path = digest;
  }
}

/**
 * Reads a model of one of some kinds.
 *
 * @param config what its `meta.config` has to be
 * @throws WrongArtifact when it is of another kind
 * @throws StoreFormatError when its config is not what this version understands
 * @throws ObjectMissing CorruptObject
 */
export async function loadModel<C>(
  store: Store,
  digest: string,
  kinds: readonly string[],
  config: z.ZodType<C>,
): Promise<LoadedModel<C>> {
  const { kind, meta } = await store.manifest(digest);
  if (!kinds.includes(kind)) throw new WrongArtifact(digest, kind, kinds);
  const parsed = z.object({ config, preprocessing }).safeParse(meta);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new StoreFormatError(
      `${kind} ${digest} was written by another version: ${issue?.path.join(".")} ${issue?.message}`,
      {
        path: digest,
        remedy: "Use the version of peco that wrote it, or train it again.",
      },
    );
  }
  const { tensors } = decodeSafetensors(await store.artifactBlob(digest, "weights.safetensors"));
  return { digest, kind, ...parsed.data, weights: tensors };
}

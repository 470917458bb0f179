import { type Classifier, type Pool, pooledTokens, type VisionTransformer, visionTransformer } from "@peco/models";
import { layerNorm } from "@peco/nn";
import { tf } from "tfjs-libtensorflow";
import { z } from "zod";
import { askNetwork, type Question } from "../networks/ask-network.ts";
import { loadNetwork } from "../networks/load-network.ts";
import type { Network } from "../networks/network.ts";
import { type AskOptions, resizes } from "../networks/options.ts";
import { listPictures } from "../networks/pictures.ts";
import { NpyRows } from "../npy.ts";
import type { Answer } from "../output.ts";
import { UsageError } from "../usage-error.ts";

/** The words of `peco features`, as typed. */
export interface FeaturesOptions extends AskOptions {
  readonly npy: string;
  readonly block?: string;
  readonly pool?: string;
}

/** The document of `peco features --json`. */
export const featuresDocument = z.object({
  network: z.string(),
  notes: z.array(z.string()),
  block: z.string().describe('a number, "all", or "last": the last one with the final norm'),
  pool: z.enum(["mean", "class-token", "none"]),
  npy: z.string(),
  shape: z
    .array(z.int())
    .describe("of the NumPy file, float32: [pictures, blocks where all, tokens where not pooled, width]"),
  pictures: z.array(z.string()).describe("sorted: the rows of the NumPy file"),
  skipped: z
    .array(z.object({ name: z.string(), reason: z.string() }))
    .describe("pictures that could not be used; their rows are NaN, and the exit code is 65"),
});

/** Which features are asked for. */
interface Wanted {
  readonly block: number | "all" | "last";
  readonly pool: Pool | "none";
}

/** Writes the features of a folder's pictures: of one block, of all, or of the last with the final norm; pooled or by token. */
export async function featuresCommand(options: FeaturesOptions): Promise<Answer> {
  const resize = resizes(options);
  const pictures = await listPictures(options.images);
  const network = await loadNetwork(options);
  const wanted = wantedFeatures(options, network);
  const shape = rowShape(wanted, network);
  const unusable = new Float32Array(shape.reduce((product, n) => product * n, 1)).fill(Number.NaN);
  await using npy = await NpyRows.create(options.npy, [pictures.length, ...shape]);
  const skipped = await askNetwork(
    network,
    pictures,
    { word: "features", resize, batch: options.batch, compute: featuresOf(wanted, network) },
    (_, row) => npy.append(row ?? unusable),
  );
  await npy.finish();
  const document: z.infer<typeof featuresDocument> = {
    network: network.name,
    notes: [...network.notes],
    block: String(wanted.block),
    pool: wanted.pool,
    npy: options.npy,
    shape: [pictures.length, ...shape],
    pictures: pictures.map(({ name }) => name),
    skipped,
  };
  return { document, text: featuresText(document), exitCode: skipped.length > 0 ? 65 : 0 };
}

function wantedFeatures({ block = "last", pool }: FeaturesOptions, { architecture }: Network): Wanted {
  const { depth } = architecture.vit;
  const number = /^\d{1,4}$/.test(block) ? Number(block) : 0;
  const known = block === "all" || block === "last" ? block : number >= 1 && number <= depth ? number : null;
  if (known === null) {
    throw new UsageError(`--block ${block} is no block of the network`, `Give 1 to ${depth}, or all.`);
  }
  const pools = ["mean", "class-token", "none"] as const;
  const chosen = pool === undefined ? architecture.pool : pools.find((name) => name === pool);
  if (chosen === undefined) throw new UsageError(`--pool ${pool} is not known`, `Give ${pools.join(", ")}.`);
  return { block: known, pool: chosen };
}

/** Shape of one picture's features. */
function rowShape({ block, pool }: Wanted, { architecture: { vit } }: Network): number[] {
  const tokens = (vit.size / vit.patch) ** 2 + 1;
  return [...(block === "all" ? [vit.depth] : []), ...(pool === "none" ? [tokens] : []), vit.width];
}

function featuresOf({ block, pool }: Wanted, { architecture: { vit, role } }: Network): Question["compute"] {
  const pooled = (tokens: tf.Tensor3D): tf.Tensor => (pool === "none" ? tokens : pooledTokens(tokens, pool));
  return (tree, images) => {
    const network = (role === "encoder" ? tree : (tree as { vit: unknown }).vit) as VisionTransformer;
    const { tokens, blocks } = visionTransformer(network, vit, images);
    if (block === "all") return tf.stack(blocks.map(pooled), 1);
    if (block !== "last") return pooled(blocks[block - 1] as tf.Tensor3D);
    // A classifier's norm comes after pooling.
    return role === "classifier" ? layerNorm((tree as Classifier).norm, pooled(tokens)) : pooled(tokens);
  };
}

function featuresText({ network, notes, block, pool, npy, shape, skipped }: z.infer<typeof featuresDocument>): string {
  const where = block === "last" ? "the last block, normalised" : block === "all" ? "every block" : `block ${block}`;
  const of =
    pool === "none" ? "each token, class token first" : pool === "mean" ? "mean of the patches" : "class token";
  return [
    network,
    ...notes,
    ...skipped.map(({ name, reason }) => `${name} ${reason}: its row is NaN`),
    `${npy}: float32 [${shape.join(", ")}], ${where}, ${of}, by sorted name`,
  ].join("\n");
}

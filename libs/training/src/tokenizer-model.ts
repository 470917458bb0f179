import type { Store } from "@peco/artifacts";
import { type Codebook, decodeTokens, encodeTokens, type VqAutoencoder } from "@peco/models";
import type { HostArray } from "tfjs-libtensorflow";
import { tf } from "tfjs-libtensorflow";
import { z } from "zod";
import { loadModel, type Preprocessing } from "./model-artifact.ts";
import { tensorsOf } from "./nested.ts";

/** `meta.config` of a `tokenizer`: what its autoencoder and codebook look like. */
export const tokenizerConfig = z.strictObject({
  channels: z.array(z.int().positive()).min(1),
  residualBlocks: z.int().nonnegative(),
  /** Width of a code. */
  width: z.int().positive(),
  /** Number of codes. */
  codes: z.int().positive(),
});
/** See {@link tokenizerConfig}. */
export type TokenizerConfig = z.infer<typeof tokenizerConfig>;

/** A trained tokenizer, frozen. Its functions can be used inside a traced step, where its weights become fixed inputs. */
export interface Tokenizer extends Disposable {
  readonly digest: string;
  readonly config: TokenizerConfig;
  readonly preprocessing: Preprocessing;
  /** Tokens along one side of a picture of `preprocessing.size`. */
  readonly side: number;
  readonly autoencoder: VqAutoencoder;
  readonly codebook: Codebook;
  /** Tokens of pictures with values 0..255, [batch, height, width, 3]: int32 [batch, rows, columns]. */
  encode(pictures: tf.Tensor4D): tf.Tensor3D;
  /** Pictures that tokens stand for, values around 0..255. */
  decode(tokens: tf.Tensor3D): tf.Tensor4D;
}

/** The tree of weights of a `tokenizer`, as `publishModel` takes them. */
export type TokenizerWeights = { readonly autoencoder: VqAutoencoder; readonly codebook: Codebook };

/**
 * Loads a `tokenizer` artifact as tensors, which `dispose` frees.
 *
 * @throws WrongArtifact StoreFormatError ObjectMissing CorruptObject
 */
export async function loadTokenizer(store: Store, digest: string): Promise<Tokenizer> {
  const { config, preprocessing, weights } = await loadModel(store, digest, ["tokenizer"], tokenizerConfig);
  return tokenizerOf(digest, config, preprocessing, weights);
}

/** A tokenizer of weights by dotted path. */
export function tokenizerOf(
  digest: string,
  config: TokenizerConfig,
  preprocessing: Preprocessing,
  weights: Readonly<Record<string, HostArray>>,
): Tokenizer {
  const { autoencoder, codebook } = tensorsOf<TokenizerWeights>(weights);
  return {
    digest,
    config,
    preprocessing,
    side: preprocessing.size / 2 ** config.channels.length,
    autoencoder,
    codebook,
    encode: (pictures) => encodeTokens(autoencoder, codebook.vectors, pictures, preprocessing),
    decode: (tokens) => decodeTokens(autoencoder, codebook.vectors, tokens, preprocessing),
    [Symbol.dispose]: () => {
      tf.dispose([autoencoder, codebook] as unknown as tf.TensorContainer);
    },
  };
}

import { Store } from "@peco/artifacts";
import { tokenizer } from "@peco/proto";
import { maxMessageBytes, type Service, service } from "@peco/rpc";
import { NoTokenizer } from "./errors.ts";
import { maxPicturesPerCall, picturesOf } from "./request-pictures.ts";
import { ServedTokenizer } from "./served-tokenizer.ts";

/** Tokenizers kept in memory; the one that was not asked for the longest makes room. */
const maxLoaded = 4;

/** What the service serves. */
export interface TokenizerServiceOptions {
  /** Folder of the artifact store. */
  readonly store: string;
  /** Digest of the `tokenizer` artifact for calls that name none. */
  readonly artifact?: string;
}

/**
 * `peco/tokenizer/v1`: visual tokens of pictures, by any tokenizer of the store. The service's own is loaded first, so that
 * a wrong digest is told at once and not to the first caller.
 *
 * @throws StoreMissing StoreFormatError StoreNotReadable when there is no store
 * @throws WrongArtifact ObjectMissing CorruptObject when the service's own tokenizer cannot be loaded
 */
export async function openTokenizerService({ store, artifact }: TokenizerServiceOptions): Promise<Service> {
  const loaded = new LoadedTokenizers(await Store.open(store), artifact);
  if (artifact !== undefined) await loaded.use("", async () => undefined);
  return service(tokenizer.TokenizerServiceService, {
    tokenize: ({ artifact, pictures }, { signal }) =>
      loaded.use(artifact, async (served) => {
        const { digest, side, preprocessing } = served.tokenizer;
        const ids = await served.tokenize(await picturesOf(pictures, preprocessing.size, signal), signal);
        const tokens = pictures.map((_, i) => ({ ids: [...ids.subarray(i * side * side, (i + 1) * side * side)] }));
        return { artifact: digest, rows: side, columns: side, tokens };
      }),
    describe: ({ artifact }) =>
      loaded.use(artifact, async ({ tokenizer: { digest, config, preprocessing, side } }) => ({
        artifact: digest,
        codebookSize: config.codes,
        pictureSize: preprocessing.size,
        rows: side,
        columns: side,
        maxPicturesPerCall,
        maxMessageBytes,
      })),
  });
}

/** The tokenizers in memory, the latest asked for last. */
class LoadedTokenizers {
  readonly #store: Store;
  readonly #own: string | undefined;
  readonly #loaded = new Map<string, Promise<ServedTokenizer>>();

  constructor(store: Store, own: string | undefined) {
    this.#store = store;
    this.#own = own;
  }

  /** Does some work with a tokenizer, by its digest or, if that is empty, the service's own. @throws NoTokenizer and what loading throws */
  async use<R>(asked: string, work: (served: ServedTokenizer) => Promise<R>): Promise<R> {
    const served = await this.#get(asked);
    // another call may have made it go in this very moment
    return served.retired ? this.use(asked, work) : served.use(work);
  }

  async #get(asked: string): Promise<ServedTokenizer> {
    const digest = asked || this.#own;
    if (digest === undefined) {
      throw new NoTokenizer(
        "the call names no artifact, and the service has none of its own",
        "Name a tokenizer artifact.",
      );
    }
    const found = this.#loaded.get(digest) ?? this.#load(digest);
    this.#loaded.delete(digest);
    this.#loaded.set(digest, found);
    if (this.#loaded.size > maxLoaded) this.#forgetOldest();
    return found;
  }

  async #load(digest: string): Promise<ServedTokenizer> {
    try {
      return await ServedTokenizer.load(this.#store, digest);
    } catch (error) {
      // what failed may be there the next time
      this.#loaded.delete(digest);
      throw error;
    }
  }

  #forgetOldest(): void {
    const [digest, oldest] = [...this.#loaded][0] as [string, Promise<ServedTokenizer>];
    this.#loaded.delete(digest);
    oldest.then((served) => served.retire()).catch(() => undefined);
  }
}

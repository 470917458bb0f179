import type { Store } from "@peco/artifacts";
import { type Dataset, openPack } from "@peco/data";

/**
 * Opens the pictures of a `data` artifact; the caller closes them (`await using`).
 *
 * @throws ObjectMissing CorruptObject CorruptPack
 */
export function openData(store: Store, digest: string): Promise<Dataset> {
  return openPack(store, digest);
}

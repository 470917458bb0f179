import type { Store } from "@peco/artifacts";
import { Dataset } from "@peco/data";

/**
 * Opens the pictures of a `data` artifact; the caller closes them (`await using`).
 *
 * @throws ObjectMissing CorruptObject CorruptPack
 */
export async function openData(store: Store, digest: string): Promise<Dataset> {
  const { blobs } = await store.manifest(digest);
  const index = await store.artifactBlob(digest, "index.json");
  const pictures = await store.blobFile(blobs["pictures.u8"]?.digest ?? "");
  return Dataset.open({ pictures, index });
}

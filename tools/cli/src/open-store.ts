import { isDigest, ObjectMissing, Store } from "@peco/artifacts";
import { nearest } from "@peco/recipes";
import { storeFolder } from "./checkout.ts";

/** Opens the store that an option names, or the default one, to look at it. */
export async function openStore(option: string | undefined): Promise<Store> {
  return Store.open(storeFolder(option));
}

/**
 * The digest that a text stands for: itself, or the one artifact that it begins.
 *
 * @throws ObjectMissing when there is none, or more than one
 */
export async function resolveArtifact(store: Store, text: string): Promise<string> {
  const all = await store.artifacts();
  const matching = all.filter((digest) => digest.startsWith(text.toLowerCase()));
  const [first] = matching;
  if (matching.length === 1 && first !== undefined && text.length > 0) return first;
  const path = store.backend.locate("manifests");
  if (matching.length > 1) {
    const shown = matching.slice(0, 4).map((digest) => digest.slice(0, 12));
    throw new ObjectMissing(
      `"${text}" begins ${matching.length} artifacts: ${shown.join(", ")}${matching.length > 4 ? ", ..." : ""}`,
      {
        path,
        remedy: "Write more of the digest.",
      },
    );
  }
  const near = isDigest(text)
    ? null
    : nearest(
        text,
        all.map((digest) => digest.slice(0, text.length)),
      );
  throw new ObjectMissing(`there is no artifact "${text}"${near === null ? "" : `, did you mean ${near}?`}`, {
    path,
    remedy: "`./peco artifacts ls` lists the artifacts there are; --store DIR names another store.",
  });
}

import { resolve } from "node:path";

/** The folder of this checkout. */
export const checkout = resolve(import.meta.dirname, "../../..");

/** The store's folder that an option names, or the default one. */
export function storeFolder(option: string | undefined): string {
  return option === undefined ? resolve(checkout, "store") : resolve(option);
}

import { UsageError } from "../usage-error.ts";
import type { NetworkOptions } from "./load-network.ts";

/** The words that `predict` and `features` share, as typed. */
export interface AskOptions extends NetworkOptions {
  readonly images: string;
  readonly resize?: string;
  readonly batch: number;
  readonly json?: boolean;
}

/** Whether pictures are resized. @throws UsageError for a value that is not known */
export function resizes({ resize }: AskOptions): boolean {
  if (resize === undefined) return true;
  if (resize === "none") return false;
  throw new UsageError(
    `--resize ${resize} is not known`,
    "Give --resize none for pictures that have the network's size already, or leave it out.",
  );
}

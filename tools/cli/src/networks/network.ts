import { defaultTransform, type Filter } from "@peco/data";
import type { Architecture, ImportedWeights } from "@peco/models";
import type { HostArray } from "tfjs-libtensorflow";

/** How a file becomes a network's picture. */
export interface PictureView {
  /** Side of the network's pictures, in pixels. */
  readonly size: number;
  /** Length to which the shorter side is resized (null: it is left as it is); the middle `size` pixels are kept. */
  readonly resize: number | null;
  readonly filter: Filter;
  /** Decoded as for a pack of pixels, where large pictures are first shrunk by the decoder. */
  readonly packed: boolean;
}

/** A vision transformer that can be asked. */
export interface Network {
  /** What the user called it: a model's name, or an artifact with its network. */
  readonly name: string;
  readonly architecture: Architecture;
  /** By path. */
  readonly weights: Readonly<Record<string, HostArray>>;
  /** Names of the classes, where they are known. */
  readonly classes: readonly string[] | null;
  readonly view: PictureView;
  /** What a reader should know, in sentences. */
  readonly notes: readonly string[];
}

/** How pictures were seen for evaluation: those of a pack of pixels whole, files as BEiT's evaluation does. */
export function ownView(size: number, form: "decoded" | "encoded"): PictureView {
  return form === "decoded"
    ? { size, resize: size, filter: "lanczos", packed: true }
    : { size, ...defaultTransform(size), packed: false };
}

/** What was left out of a file of weights, and what did not fit, in sentences. */
export function importNotes({ unused, misfit }: ImportedWeights): string[] {
  const { missing, wrong, extra } = misfit;
  return [
    ...(unused.length > 0 ? [`not needed here and left out: ${unused.join(", ")}`] : []),
    ...(missing.length > 0 ? [`missing, taken as 0 (as 1 for a norm's scale): ${missing.join(", ")}`] : []),
    ...wrong.map(({ name, problem }) => `taken as 0 (as 1 for a norm's scale): ${name} ${problem}`),
    ...(extra.length > 0 ? [`without a place and left out: ${extra.join(", ")}`] : []),
  ];
}

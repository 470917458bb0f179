import { defaultTransform, type Filter } from "@peco/data";
import type { Architecture, ImportedWeights } from "@peco/models";
import type { HostArray } from "tfjs-libtensorflow";

/** How a file becomes a network's picture. */
export interface PictureView {
  /** Side of the network's pictures, in pixels. */
  readonly size: number;
  /** Pixels along a side of the middle that is cut out of larger pictures before anything else; null: nothing is cut. */
  readonly middle: number | null;
  /** Length to which the shorter side is resized; the middle `size` pixels are kept. */
  readonly resize: number;
  readonly filter: Filter;
  /** Side of the pack of pixels from which the network had its pictures; null where it had them from files. */
  readonly pack: number | null;
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

/**
 * How a network of ours saw pictures in its evaluation: from files as BEiT's evaluation does (`pack` null), or whole from a pack of
 * pixels.
 */
export function ownView(size: number, pack: number | null): PictureView {
  return pack === null
    ? { size, middle: null, ...defaultTransform(size), pack }
    : { size, middle: null, resize: size, filter: pack === size ? "lanczos" : "bicubic", pack };
}

/** What was left out of a file of weights, and each tensor that did not fit. */
export function importNotes({ unused, misfit }: ImportedWeights): string[] {
  const { missing, wrong, extra } = misfit;
  return [
    ...(unused.length > 0 ? [`left out, since it serves another end: ${unused.join(", ")}`] : []),
    ...missing.map((name) => `missing, and taken as 0 (a norm's scale as 1): ${name}`),
    ...wrong.map(({ name, problem }) => `left out, and taken as 0 (a norm's scale as 1): ${name} ${problem}`),
    ...extra.map((name) => `left out, since the network has no place for it: ${name}`),
  ];
}

import { EncodedPictures, type EncodedSource } from "./encoded-pictures.ts";
import type { Picture } from "./picture.ts";
import { PictureFile } from "./picture-file.ts";

/** Takes a picture and its place in the list that was asked for; what it needs of it afterwards it copies. */
export type UsePicture = (picture: Picture, at: number) => void;

/** Random access to a pack's pictures. */
export interface PictureReader {
  /** Hands over the pictures at `places`, each once, in their order. @throws CorruptPack CorruptPicture */
  each(places: Int32Array, use: UsePicture): Promise<void>;
  /** What is wrong with the bytes of the picture at a place, or null. */
  problem(place: number): string | null;
  /** Closes its files; reading afterwards fails, and closing again does nothing. */
  close(): void;
}

/** A pack's pictures as they can be sent to another thread: pixels of equal size in one file, or picture files in shards. */
export type PictureSpec =
  | { readonly form: "decoded"; readonly path: string; readonly side: number }
  | ({ readonly form: "encoded" } & EncodedSource);

/** Opens a pack's pictures. @throws CorruptPack */
export function openPictures(spec: PictureSpec): PictureReader {
  return spec.form === "decoded" ? new PictureFile(spec.path, spec.side) : new EncodedPictures(spec);
}

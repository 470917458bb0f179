import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fold, key } from "@peco/random";
import { generatedClasses, generatedPicture } from "./generated-picture.ts";
import type { Split } from "./pack-index.ts";
import { encodePng } from "./png.ts";
import { serveJobs } from "./worker-pool.ts";

/** Pictures `from` to (not with) `to` of a split to draw and write. */
export interface GeneratedJob {
  readonly folder: string;
  readonly seed: number | bigint;
  readonly side: number;
  readonly colourNuisance: boolean;
  readonly split: Split;
  readonly from: number;
  readonly to: number;
}

/** What is known about the pictures of a job, in their order. */
export interface GeneratedPart {
  readonly names: string[];
  readonly labels: number[];
  readonly boxes: (readonly [number, number, number, number])[];
  /** `uint8 [pictures, side, side]`. */
  readonly masks: Uint8Array<ArrayBuffer>;
}

serveJobs<GeneratedJob, GeneratedPart>(({ folder, seed, side, colourNuisance, split, from, to }) => {
  const part: GeneratedPart = { names: [], labels: [], boxes: [], masks: new Uint8Array((to - from) * side * side) };
  for (let at = from; at < to; at++) {
    const { pixels, label, mask, box } = generatedPicture(
      fold(key(seed), "generated", split, at),
      side,
      colourNuisance,
    );
    const name = `${split}/${generatedClasses[label]}/${String(at).padStart(6, "0")}.png`;
    writeFileSync(join(folder, name), encodePng(pixels, side));
    part.names.push(name);
    part.labels.push(label);
    part.boxes.push(box);
    part.masks.set(mask, (at - from) * side * side);
  }
  return { result: part, transfer: [part.masks.buffer] };
});

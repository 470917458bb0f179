import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fold, key } from "@peco/random";
import { Dataset } from "../src/dataset.ts";
import { generatedClasses, generatedPicture } from "../src/generated-picture.ts";
import type { DecodedIndex, Split } from "../src/pack-index.ts";
import type { ViewOptions } from "../src/views.ts";

/** A pack of generated pictures in a folder of its own, opened; it is taken away when it is disposed of. */
export async function openPack(
  counts: Partial<Record<Split, number>>,
  options: { side?: number; labelled?: number; threads?: number } = {},
): Promise<{ data: Dataset; folder: string; index: DecodedIndex; pixels: Uint8Array[] } & AsyncDisposable> {
  const { side = 32, labelled = Number.POSITIVE_INFINITY, threads = 1 } = options;
  const folder = await mkdtemp(join(tmpdir(), "peco-pack-"));
  const made = Object.entries(counts).flatMap(([split, count]) =>
    Array.from({ length: count }, (_, at) => ({
      split: split as Split,
      at,
      ...generatedPicture(fold(key(1), split, at), side),
    })),
  );
  const index: DecodedIndex = {
    format: 1,
    side,
    classes: [...generatedClasses],
    pictures: made.map(({ split, at, label }) => ({
      ...{ name: `${split}/${at}.png`, hash: "0".repeat(64), label, split },
      labelled: split === "train" && at < labelled,
    })),
    skipped: [],
    copies: { files: 0, acrossSplits: 0, acrossClasses: 0 },
  };
  const pictures = join(folder, "pictures.u8");
  await writeFile(pictures, Buffer.concat(made.map(({ pixels }) => pixels)));
  const data = await Dataset.open({ pictures, index }, { threads });
  const dispose = async () => {
    await data.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { data, folder, index, pixels: made.map(({ pixels }) => pixels), [Symbol.asyncDispose]: dispose };
}

/** The views of the small recipe's perceptual network: everything that there is. */
export const allViews: ViewOptions = {
  crop: { area: [0.4, 1], aspect: [0.75, 4 / 3], filter: "bilinear" },
  flip: 0.5,
  jitter: { p: 0.8, brightness: 0.6, contrast: 0.6, saturation: 0.3, hueDegrees: 180, hue: "chroma" as const },
  grey: 0.3,
  blur: { sigma: [0.1, 1], p: [0.5, 0.1] },
  solarize: { threshold: 0.5, p: [0, 0.2] },
};

/** Views that leave a picture as it is. */
export const noViews: ViewOptions = { crop: { area: [1, 1], aspect: [1, 1], filter: "bicubic" }, flip: 0 };

import { type Filter, filters, resizeBox } from "@peco/data";
import sharp from "sharp";
import { fastestMs } from "./fastest-ms.ts";

/** How long one resize takes, ours and sharp's on one thread. */
export interface ResizeCost {
  /** `[height, width]` */
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly filter: Filter;
  readonly ms: number;
  readonly sharpMs: number;
}

const kernels = { bilinear: "linear", bicubic: "cubic", lanczos: "lanczos3" } as const;

const sizes: readonly (readonly [[number, number], [number, number]])[] = [
  [
    [32, 32],
    [32, 32],
  ],
  [
    [28, 25],
    [32, 32],
  ],
  [
    [375, 500],
    [256, 341],
  ],
  [
    [300, 280],
    [224, 224],
  ],
  [
    [150, 140],
    [224, 224],
  ],
  [
    [1200, 1600],
    [256, 341],
  ],
];

/** Measures resizing against sharp's own, which is not equal to Pillow's, on pixels that are decoded already. */
export async function resizeCosts(): Promise<ResizeCost[]> {
  sharp.concurrency(1);
  sharp.cache(false);
  const rows: ResizeCost[] = [];
  for (const [from, to] of sizes) for (const filter of filters) rows.push(await resizeCost(from, to, filter));
  return rows;
}

async function resizeCost(from: [number, number], to: [number, number], filter: Filter): Promise<ResizeCost> {
  const [[height, width], [outHeight, outWidth]] = [from, to];
  const data = Uint8Array.from({ length: height * width * 3 }, (_, at) => (at * 2_654_435_761) >>> 24);
  const out = { data: new Uint8Array(outHeight * outWidth * 3), height: outHeight, width: outWidth };
  const whole = { top: 0, left: 0, height, width };
  const raw = { raw: { width, height, channels: 3 } } as const;
  const timed = async (call: () => unknown) => {
    const start = performance.now();
    await call();
    return performance.now() - start;
  };
  return {
    from,
    to,
    filter,
    ms: await fastestMs(() => timed(() => resizeBox({ data, height, width }, whole, out, filter))),
    sharpMs: await fastestMs(() =>
      timed(() =>
        sharp(data, raw).resize(outWidth, outHeight, { fit: "fill", kernel: kernels[filter] }).raw().toBuffer(),
      ),
    ),
  };
}

if (import.meta.main) {
  for (const { from, to, filter, ms, sharpMs } of await resizeCosts()) {
    const sizes = `${from.join("x")} to ${to.join("x")}, ${filter}`;
    console.log(
      `${sizes.padEnd(36)} ${ms.toFixed(2)} ms, sharp ${sharpMs.toFixed(2)} ms: ${(ms / sharpMs).toFixed(1)}x`,
    );
  }
}

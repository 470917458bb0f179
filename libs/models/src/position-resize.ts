import { relativePositionCount } from "@peco/nn";
import type { HostArray } from "tfjs-libtensorflow";
import {
  type AxisWeights,
  bicubicWeights,
  cubicSplineWeights,
  linearWeights,
  resampleGrid,
} from "./axis-resampling.ts";
import { gridSide } from "./vision-transformer.ts";

/**
 * How a table of relative positions is resized: BEiT's cubic spline (SciPy's `interp2d`), or what timm 1.0.31 does unless
 * `TIMM_USE_SCIPY_INTERP=1`, linear between the same places.
 */
export type PositionResize = "beit-cubic" | "timm-linear";

/** Size of pictures and of their patches. */
interface Size {
  readonly size: number;
  readonly patch: number;
}

/**
 * Weights by path (a `VisionTransformer`, or a network around one) for pictures of another size: relative positions by
 * `method`, learned ones by `resizeLearnedPositions`; all others are shared. Fixed positions follow from the configuration.
 *
 * @throws RangeError when a table is not that of `from`, or is too small for a cubic spline
 */
export function withPictureSize(
  weights: Readonly<Record<string, HostArray>>,
  from: Size,
  to: Size,
  method: PositionResize,
): Record<string, HostArray> {
  const [before, after] = [gridSide(from), gridSide(to)];
  return Object.fromEntries(
    Object.entries(weights).map(([path, leaf]) => {
      if (/(^|\.)relativePositions$/.test(path)) {
        return [path, resizeRelativePositions(leaf as HostArray<"float32">, before, after, method)];
      }
      if (/(^|\.)positions$/.test(path)) {
        return [path, resizeLearnedPositions(leaf as HostArray<"float32">, before, after)];
      }
      return [path, leaf];
    }),
  );
}

/**
 * A table of relative positions [(2 from - 1)² + 3, heads] for a grid of `to` patches a side. The old places are spread in a
 * geometric progression, so that near ones stay one patch apart and the farthest meet the new grid's; the last three rows,
 * which belong to the class token, are copied.
 *
 * @throws RangeError when the table is not that of a grid of `from`, or `beit-cubic` is asked for one of less than 3
 */
export function resizeRelativePositions(
  table: HostArray<"float32">,
  from: number,
  to: number,
  method: PositionResize,
): HostArray<"float32"> {
  const [entries, heads] = table.shape as [number, number];
  const count = relativePositionCount(from, from);
  if (entries !== count)
    throw new RangeError(`a grid of ${from}x${from} has ${count} relative positions, not ${entries}`);
  if (from === to) return table;
  const [source, target] = [2 * from - 1, 2 * to - 1];
  const places = Array.from({ length: target }, (_, i) => i - (to - 1));
  const axis = (method === "beit-cubic" ? cubicSplineWeights : linearWeights)(spreadPlaces(source, target), places);
  return withLast(table, resampleGrid(table.data.subarray(0, source * source * heads), heads, axis), 3);
}

/**
 * Learned positions [1, from² + 1, width] for a grid of `to` patches a side, by antialiased bicubic resampling as timm's
 * `resample_abs_pos_embed`; the class token's stays.
 *
 * @throws RangeError when there are not as many positions as a grid of `from` has
 */
export function resizeLearnedPositions(
  positions: HostArray<"float32">,
  from: number,
  to: number,
): HostArray<"float32"> {
  const [, tokens, width] = positions.shape as [number, number, number];
  if (tokens !== from * from + 1)
    throw new RangeError(
      `a grid of ${from}x${from} has ${from * from + 1} positions with the class token, not ${tokens}`,
    );
  if (from === to) return positions;
  const axis: AxisWeights = bicubicWeights(from, to);
  const patches = resampleGrid(positions.data.subarray(width), width, axis);
  const data = new Float32Array(width + patches.length);
  data.set(positions.data.subarray(0, width));
  data.set(patches, width);
  return { dtype: "float32", shape: [1, to * to + 1, width], data };
}

/** Rows of a table with its last `kept` rows after them. */
function withLast({ data, shape }: HostArray<"float32">, rows: Float32Array, kept: number): HostArray<"float32"> {
  const width = shape[1] as number;
  const all = new Float32Array(rows.length + kept * width);
  all.set(rows);
  all.set(data.subarray(data.length - kept * width), rows.length);
  return { dtype: "float32", shape: [all.length / width, width], data: all };
}

/** Places of the old table's rows among the new one's: 0, ±1, ±(1 + q), ±(1 + q + q²), ... */
function spreadPlaces(source: number, target: number): number[] {
  const q = progressionRatio(source, target);
  const half: number[] = [];
  let place = 1;
  for (let i = 0; i < Math.floor(source / 2); i++) {
    half.push(place);
    place += q ** (i + 1);
  }
  return [...half.map((value) => -value).reverse(), 0, ...half];
}

/**
 * The ratio of the geometric progression with which `source` places reach as far as `target` places of distance 1, found as
 * BEiT finds it: bisection of [1.01, 1.5] down to 1e-6, so that a table which shrinks gets 1.01.
 */
export function progressionRatio(source: number, target: number): number {
  let [low, high, q] = [1.01, 1.5, 1.01];
  while (high - low > 1e-6) {
    q = (low + high) / 2;
    if ((1 - q ** Math.floor(source / 2)) / (1 - q) > Math.floor(target / 2)) high = q;
    else low = q;
  }
  return q;
}

/** What a structural similarity is computed over. */
export interface SsimOptions {
  height: number;
  width: number;
  channels: number;
  /** Distance between black and white. @default 255 */
  range?: number;
  /**
   * "gaussian": weights of deviation 1.5 over 11x11 pixels, covariance over N, as in the paper. "uniform": 7x7 pixels, covariance over
   * N - 1, scikit-image's default. @default "gaussian"
   */
  window?: "gaussian" | "uniform";
}

/**
 * Mean structural similarity of two pictures `[height, width, channels]`, at most 1 (Wang, Bovik, Sheikh, Simoncelli 2004). Equals
 * scikit-image's `structural_similarity` with `channel_axis=-1`, and for "gaussian" `gaussian_weights=True, sigma=1.5,
 * use_sample_covariance=False`: only windows that lie wholly inside count. Throws `RangeError` for pictures smaller than a window.
 */
export function ssim(first: ArrayLike<number>, second: ArrayLike<number>, options: SsimOptions): number {
  const { height, width, channels, range = 255, window = "gaussian" } = options;
  const weights = window === "gaussian" ? GAUSSIAN : UNIFORM;
  if (first.length !== height * width * channels || second.length !== first.length) {
    throw new RangeError(
      `pictures of ${first.length} and ${second.length} values are not ${height}x${width}x${channels}`,
    );
  }
  if (height < weights.length || width < weights.length) {
    throw new RangeError(
      `a picture of ${height}x${width} is smaller than the window of ${weights.length}x${weights.length}`,
    );
  }
  const samples = weights.length ** 2;
  const correction = window === "gaussian" ? 1 : samples / (samples - 1);
  let total = 0;
  for (let channel = 0; channel < channels; channel++) {
    const x = plane(first, channel, channels);
    const y = plane(second, channel, channels);
    total += meanOverWindows(x, y, height, width, weights, correction, range);
  }
  return total / channels;
}

const GAUSSIAN = normalised(Array.from({ length: 11 }, (_, i) => Math.exp(-0.5 * ((i - 5) / 1.5) ** 2)));
const UNIFORM = normalised(new Array<number>(7).fill(1));

function normalised(weights: number[]): readonly number[] {
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

function plane(picture: ArrayLike<number>, channel: number, channels: number): Float64Array {
  return Float64Array.from({ length: picture.length / channels }, (_, i) => picture[i * channels + channel] as number);
}

function meanOverWindows(
  x: Float64Array,
  y: Float64Array,
  height: number,
  width: number,
  weights: readonly number[],
  correction: number,
  range: number,
): number {
  const average = (values: Float64Array) => filter(values, height, width, weights);
  const [meanX, meanY] = [average(x), average(y)];
  const squareX = average(x.map((value) => value * value));
  const squareY = average(y.map((value) => value * value));
  const product = average(x.map((value, i) => value * (y[i] as number)));
  const c1 = (0.01 * range) ** 2;
  const c2 = (0.03 * range) ** 2;
  let total = 0;
  for (let i = 0; i < meanX.length; i++) {
    const [mx, my] = [meanX[i] as number, meanY[i] as number];
    const varianceX = correction * ((squareX[i] as number) - mx * mx);
    const varianceY = correction * ((squareY[i] as number) - my * my);
    const covariance = correction * ((product[i] as number) - mx * my);
    total += ((2 * mx * my + c1) * (2 * covariance + c2)) / ((mx * mx + my * my + c1) * (varianceX + varianceY + c2));
  }
  return total / meanX.length;
}

/** Weighted mean in every window inside the plane, rows first, then columns: `[height - n + 1, width - n + 1]` for n weights. */
function filter(values: Float64Array, height: number, width: number, weights: readonly number[]): Float64Array {
  const columns = width - weights.length + 1;
  const rows = height - weights.length + 1;
  const across = new Float64Array(height * columns);
  for (let i = 0; i < across.length; i++) {
    const start = Math.floor(i / columns) * width + (i % columns);
    for (let k = 0; k < weights.length; k++)
      across[i] = (across[i] as number) + (weights[k] as number) * (values[start + k] as number);
  }
  const down = new Float64Array(rows * columns);
  for (let i = 0; i < down.length; i++) {
    for (let k = 0; k < weights.length; k++)
      down[i] = (down[i] as number) + (weights[k] as number) * (across[i + k * columns] as number);
  }
  return down;
}

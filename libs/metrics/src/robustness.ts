/**
 * Mean errors of AlexNet over the five severities of each corruption of ImageNet-C, by which errors are divided (Hendrycks and Dietterich
 * 2019, the table of the repository `robustness`).
 */
export const alexNetErrors = {
  gaussian_noise: 0.886428,
  shot_noise: 0.894468,
  impulse_noise: 0.92264,
  defocus_blur: 0.81988,
  glass_blur: 0.826268,
  motion_blur: 0.785948,
  zoom_blur: 0.79836,
  snow: 0.866816,
  frost: 0.826572,
  fog: 0.819324,
  brightness: 0.564592,
  contrast: 0.853204,
  elastic_transform: 0.646056,
  pixelate: 0.71784,
  jpeg_compression: 0.6065,
} as const;

/** A corruption of ImageNet-C. */
export type Corruption = keyof typeof alexNetErrors;

/** All corruptions, in the table's order. */
export const corruptions = Object.keys(alexNetErrors) as Corruption[];

/** Error of a corruption over that of AlexNet, from its top-1 errors at the severities: both are means over the severities. */
export function corruptionError(corruption: Corruption, errors: readonly number[]): number {
  return errors.reduce((sum, error) => sum + error, 0) / errors.length / alexNetErrors[corruption];
}

/** mCE: the mean of all fifteen corruption errors; null when one is missing, since a mean over fewer is another figure. */
export function meanCorruptionError(errors: Readonly<Partial<Record<Corruption, number>>>): number | null {
  const known = corruptions.flatMap((corruption) => errors[corruption] ?? []);
  return known.length < corruptions.length ? null : known.reduce((sum, error) => sum + error, 0) / known.length;
}

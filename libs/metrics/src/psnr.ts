/**
 * Peak signal-to-noise ratio in decibels of one picture against another of the same shape: `10 log10(range^2 / MSE)`, as scikit-image's
 * `peak_signal_noise_ratio`. `range` is the distance between black and white. Infinity for equal pictures.
 */
export function psnr(first: ArrayLike<number>, second: ArrayLike<number>, range = 255): number {
  if (first.length !== second.length || first.length === 0) {
    throw new RangeError(`pictures of ${first.length} and ${second.length} values cannot be compared`);
  }
  let squares = 0;
  for (let i = 0; i < first.length; i++) squares += ((first[i] as number) - (second[i] as number)) ** 2;
  return 10 * Math.log10((range * range * first.length) / squares);
}

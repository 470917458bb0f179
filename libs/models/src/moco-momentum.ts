/**
 * The momentum of the key network at `step` of `steps`: from `start` to 1 along half a cosine,
 * 1 - (1 - start) (1 + cos(pi step / steps)) / 2. @throws RangeError if the arguments leave their ranges
 */
export function keyMomentum(start: number, step: number, steps: number): number {
  if (!(start >= 0 && start <= 1)) throw new RangeError(`key momentum starts at ${start}, not within [0, 1]`);
  if (!(step >= 0 && step <= steps && steps > 0)) throw new RangeError(`step ${step} of ${steps}`);
  return 1 - ((1 - start) * (1 + Math.cos((Math.PI * step) / steps))) / 2;
}

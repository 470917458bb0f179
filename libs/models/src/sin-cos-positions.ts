/**
 * Fixed two-dimensional sine-cosine positions as in MoCo v3, for the patches of a grid row by row, each of `width` numbers:
 * sin and cos of the row, then sin and cos of the column, at width / 4 frequencies 10000^(-i / (width / 4)).
 * MoCo's names swap the axes (its meshgrid is indexed "ij"); the order here is the one that its checkpoints have.
 *
 * @returns [rows * columns * width]
 * @throws RangeError if width is not divisible by 4
 */
export function sinCosPositions(rows: number, columns: number, width: number): Float32Array {
  if (width % 4 !== 0) throw new RangeError(`sine-cosine positions need a width divisible by 4, not ${width}`);
  const frequencies = width / 4;
  const positions = new Float32Array(rows * columns * width);
  for (let patch = 0; patch < rows * columns; patch++) {
    const [row, column] = [Math.floor(patch / columns), patch % columns];
    for (let i = 0; i < frequencies; i++) {
      const frequency = 10_000 ** (-i / frequencies);
      const at = patch * width + i;
      positions[at] = Math.sin(row * frequency);
      positions[at + frequencies] = Math.cos(row * frequency);
      positions[at + 2 * frequencies] = Math.sin(column * frequency);
      positions[at + 3 * frequencies] = Math.cos(column * frequency);
    }
  }
  return positions;
}

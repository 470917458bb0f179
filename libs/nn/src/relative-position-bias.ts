import { tf } from "tfjs-libtensorflow";

/** Rows of the table for a grid: one for each difference of places, and three for pairs with the class token. */
export function relativePositionCount(rows: number, columns: number): number {
  return (2 * rows - 1) * (2 * columns - 1) + 3;
}

/**
 * Which row of BEiT's relative position table belongs to each pair (query, key) of tokens, class token first:
 * int32 [tokens * tokens]. Pairs of patches: Δrow (2 columns - 1) + Δcolumn, query minus key, both from 0; then, as the
 * last three rows, class to patch, patch to class, class to class.
 */
export function relativePositionIndex(rows: number, columns: number): Int32Array {
  const tokens = rows * columns + 1;
  const count = relativePositionCount(rows, columns);
  const index = new Int32Array(tokens * tokens);
  for (let query = 0; query < tokens; query++) {
    for (let key = 0; key < tokens; key++) index[query * tokens + key] = entry(query, key);
  }
  return index;

  function entry(query: number, key: number): number {
    if (query === 0) return key === 0 ? count - 1 : count - 3;
    if (key === 0) return count - 2;
    const [fromRow, toRow] = [Math.floor((query - 1) / columns), Math.floor((key - 1) / columns)];
    const [fromColumn, toColumn] = [(query - 1) % columns, (key - 1) % columns];
    return (fromRow - toRow + rows - 1) * (2 * columns - 1) + (fromColumn - toColumn + columns - 1);
  }
}

/** The bias that attention adds to its scores, [heads, tokens, tokens], from a table [entries, heads]. */
export function relativePositionBias(table: tf.Tensor2D, rows: number, columns: number): tf.Tensor3D {
  const tokens = rows * columns + 1;
  const index = tf.tensor1d(relativePositionIndex(rows, columns), "int32");
  return tf.reshape(tf.transpose(tf.gather(table, index)), [table.shape[1], tokens, tokens]);
}

/**
 * Layer-wise learning-rate decay (BEiT, `optim_factory.py`): the factor decay^(depth + 1 - id) of a parameter of a vision
 * transformer, where tokens, positions and the patch embedding have id 0, block k has k + 1, and all else (head, its norm,
 * the shared relative positions) has depth + 1.
 * @param path dotted path of the parameter, such as `blocks.0.mlp.in.weight`, whatever comes before `blocks`
 */
export function layerWiseLrDecay(path: string, depth: number, decay: number): number {
  return decay ** (depth + 1 - layerId(path, depth));
}

function layerId(path: string, depth: number): number {
  if (/(^|\.)(classToken|maskToken|positions|patchEmbedding)(\.|$)/.test(path)) return 0;
  const block = /(^|\.)blocks\.(\d+)\./.exec(path);
  return block === null ? depth + 1 : Number(block[2]) + 1;
}

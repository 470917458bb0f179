import type { Named } from "./tree.ts";

/**
 * BEiT's rule for which parameters decay: none of rank 0 or 1 (biases, scales of norms and layers), none named bias, and
 * neither the class token nor positions. The mask token and tables of relative positions do decay.
 */
export function decaysByDefault({ path, tensor }: Named): boolean {
  const name = path.slice(path.lastIndexOf(".") + 1);
  return tensor.rank > 1 && name !== "classToken" && name !== "positions";
}

export {
  bernoulli,
  beta,
  integers,
  normal,
  normalRows,
  permutation,
  truncatedNormal,
  uniform,
  uniformRows,
} from "./draw.ts";
export { fold, type HostKey, type Key, key, root } from "./key.ts";

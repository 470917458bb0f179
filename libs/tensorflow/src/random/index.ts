export { bernoulli, beta, integers, normal, permutation, truncatedNormal, uniform } from "./draw.ts";
export { fold, type HostKey, type Key, key, root } from "./key.ts";

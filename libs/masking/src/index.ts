export { type Block, blockWiseMask, blockWiseMaskAndBlocks } from "./block-wise-masking.ts";
export { drawMask, type MaskOptions } from "./draw-mask.ts";
export { type BlockWiseOptions, MaskOptionsError, type RandomOptions } from "./options.ts";
export { randomMask } from "./random-masking.ts";

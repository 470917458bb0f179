export { codebookStage } from "./codebook-stage.ts";
export { firstCodebook } from "./codebook-start.ts";
export {
  type CodebookOptions,
  type CodebookState,
  initAutoencoder,
  initialCodebookState,
} from "./codebook-state.ts";
export { type CodebookMeans, type CodebookSums, codebookStep } from "./codebook-step.ts";
export { type Inspection, type InspectOptions, inspectTokenizer, type Spread } from "./inspect/inspect-tokenizer.ts";
export type { SheetPicture } from "./inspect/sheet.ts";
export { perceptualNetworkStage } from "./perceptual-network-stage.ts";
export {
  initEncoder,
  initPerceptualNetwork,
  type PerceptualNetworkOptions,
  type PerceptualNetworkState,
  perceptualNetworkStep,
} from "./perceptual-network-step.ts";
export { openTokenizerService, type TokenizerServiceOptions } from "./tokenizer-service.ts";

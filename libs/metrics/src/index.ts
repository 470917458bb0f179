export { accuracy, balancedAccuracy, bestClasses, confusionMatrix, topKHits } from "./classification.ts";
export { type CodebookUse, codebookUse, codeHistogram } from "./codebook-use.ts";
export { holm } from "./holm.ts";
export { type PairedDifference, pairedDifference, signFlip } from "./paired-difference.ts";
export { psnr } from "./psnr.ts";
export { type SsimOptions, ssim } from "./ssim.ts";
export { entropy, mean, sampleDeviation } from "./statistics.ts";
export { studentCritical, studentTwoSided } from "./student-t.ts";
export { type TwoAlternatives, twoAlternatives } from "./two-alternatives.ts";

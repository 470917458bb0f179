/**
 * Where the values of a recipe come from. The paper gives few numbers; most are BEiT's, MoCo v3's or VQGAN's. A value that differs from
 * the published one is the recipe's own choice.
 */
const PUBLISHED: readonly (readonly [path: RegExp, values: readonly string[], source: string])[] = [
  [/^pretrain\.batch$/, ["2048"], "PeCo"],
  [/^codebook\.size$/, ["8192"], "PeCo (DALL-E's size)"],
  [/^pretrain\.mask\.form$/, ["at-most"], "BEiT"],
  [/^pretrain\.mask\.form$/, ["exactly"], "BEiT v2"],
  [/^pretrain\.mask\.count$/, ["75"], "BEiT"],
  [/^pretrain\.mask\.minBlock$/, ["16"], "BEiT"],
  [/^pretrain\.optimizer\.lr$/, ["0.0015"], "BEiT"],
  [/^pretrain\.optimizer\.betas$/, ["[0.9, 0.999]"], "BEiT"],
  [/^pretrain\.optimizer\.betas$/, ["[0.9, 0.98]"], "BEiT v2 (300 epochs)"],
  [/^pretrain\.optimizer\.weightDecay$/, ["0.05"], "BEiT"],
  [/^pretrain\.optimizer\.clip$/, ["3"], "BEiT"],
  [/^pretrain\.views\.tokenizerFilter$/, ["lanczos"], "BEiT"],
  [/^pretrain\.views\.crop\.filter$/, ["bicubic"], "BEiT"],
  [/^pretrain\.views\.flip$/, ["0.5"], "BEiT"],
  [/^finetune\.layerDecay$/, ["0.65"], "PeCo, BEiT"],
  [/^finetune\.smoothing$/, ["0.1"], "BEiT"],
  [/^finetune\.mixup$/, ["0.8"], "BEiT"],
  [/^finetune\.cutmix$/, ["1"], "BEiT"],
  [/^finetune\.dropPath$/, ["0.1"], "BEiT"],
  [/^finetune\.optimizer\.(?:weightDecay|betas)$/, ["0.05", "[0.9, 0.999]"], "BEiT"],
  [/^finetune\.views\.flip$/, ["0.5"], "BEiT"],
  [/^perceptualNetwork\.temperature$/, ["0.2"], "MoCo v3"],
  [/^perceptualNetwork\.momentum$/, ["0.99"], "MoCo v3"],
  [/^perceptualNetwork\.optimizer\.weightDecay$/, ["0.1"], "MoCo v3"],
  [/^perceptualNetwork\.optimizer\.decayAll$/, ["true"], "MoCo v3"],
  [/^perceptualNetwork\.optimizer\.finalLrShare$/, ["0"], "MoCo v3"],
  [/^perceptualNetwork\.views\.flip$/, ["0.5"], "MoCo v3"],
  [/^perceptualNetwork\.views\.jitter\.p$/, ["0.8"], "MoCo v3"],
  [/^perceptualNetwork\.views\.grey$/, ["0.2"], "MoCo v3"],
  [/^perceptualNetwork\.views\.solarize\.p$/, ["[0, 0.2]"], "MoCo v3"],
  [/^codebook\.commitment$/, ["0.25"], "VQ-VAE"],
  [/^codebook\.decay$/, ["0.99"], "VQ-VAE"],
  [/^codebook\.kmeansRounds$/, ["10"], "BEiT v2"],
  [/^vit\.(?:width|depth|heads)$/, ["768", "12"], "ViT-B"],
  [/^vit\.mlpRatio$/, ["4"], "ViT"],
  [/^vit\.positions$/, ["sincos"], "MoCo v3"],
  [/^image\.(?:size|patch)$/, ["224", "16"], "PeCo"],
];

/** The publication that a recipe's value was taken from, or "own choice". `value` as the report prints it. */
export function originOf(path: string, value: string): string {
  return PUBLISHED.find(([pattern, values]) => pattern.test(path) && values.includes(value))?.[2] ?? "own choice";
}

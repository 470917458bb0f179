/** How an evaluation's figure is shown: its name in words, and whether it is a share of one. */
interface Words {
  readonly words: string;
  readonly share?: true;
}

/** The evaluation's figures in the order in which they are read; what `--json` names stands at the left. */
const figureWords: Readonly<Record<string, Words>> = {
  top1Pretrained: { words: "top-1, pre-trained", share: true },
  top1FromScratch: { words: "top-1, trained from scratch", share: true },
  chance: { words: "top-1 by chance (always the commonest class)", share: true },
  top5Pretrained: { words: "top-5, pre-trained", share: true },
  top5FromScratch: { words: "top-5, trained from scratch", share: true },
  probePretrained: { words: "top-1, linear probe of the pre-trained network", share: true },
  probePerceptualNetwork: { words: "top-1, linear probe of the perceptual network", share: true },
  probeWeights: { words: "top-1, linear probe of the weights from a file", share: true },
  probeRandom: { words: "top-1, linear probe of random weights", share: true },
  neighboursPretrained: { words: "top-1, neighbours by the pre-trained network", share: true },
  neighboursPerceptualNetwork: { words: "top-1, neighbours by the perceptual network", share: true },
  neighboursWeights: { words: "top-1, neighbours by the weights from a file", share: true },
  neighboursRandom: { words: "top-1, neighbours by random weights", share: true },
  codeWordsBag: { words: "top-1, linear, how often each code occurs", share: true },
  codeWordsEmbeddings: { words: "top-1, linear, code vectors", share: true },
  codeWordsLatents: { words: "top-1, linear, latents before the codebook", share: true },
  maskedAccuracy: { words: "hidden tokens named exactly right", share: true },
  usage: { words: "codes in use", share: true },
  perplexity: { words: "codebook perplexity" },
  perplexityShare: { words: "codebook perplexity, of the codebook's size", share: true },
  tokenBits: { words: "entropy of a token, in bits" },
  shiftNearerTokens: { words: "shift nearer than blur, by tokens", share: true },
  shiftNearerPixels: { words: "shift nearer than blur, by pixels", share: true },
  shiftNearerFeatures: { words: "shift nearer than blur, by features", share: true },
  reverseTriplesTokens: { words: "reverse triples right, by tokens", share: true },
  reverseTriplesPixels: { words: "reverse triples right, by pixels", share: true },
  reverseTriplesFeatures: { words: "reverse triples right, by features", share: true },
  psnr: { words: "PSNR of reconstructions, in dB" },
  ssim: { words: "SSIM of reconstructions" },
  images: { words: "test pictures" },
};

/** An evaluation's figures as lines of words and numbers, in reading order; a figure without words keeps its name. */
export function figureLines(figures: Readonly<Record<string, { mean: number; deviation: number | null }>>): string[] {
  const known = Object.keys(figureWords).filter((name) => name in figures);
  const others = Object.keys(figures).filter((name) => !(name in figureWords));
  return [...known, ...others].flatMap((name) => {
    const { words, share } = figureWords[name] ?? { words: name };
    const figure = figures[name];
    if (figure === undefined) return [];
    const spread = figure.deviation === null ? "" : ` ± ${shown(figure.deviation, share)}`;
    return [`${words.padEnd(48)}${shown(figure.mean, share)}${spread}`];
  });
}

function shown(value: number, share: true | undefined): string {
  if (share) return `${(100 * value).toFixed(1)} %`;
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

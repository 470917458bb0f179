/** How an evaluation's figure is shown: its name in words, and whether it is a share of one. */
interface Words {
  readonly words: string;
  readonly share?: true;
}

/** The evaluation's figures in the order in which they are read; what `--json` names stands at the left. */
const figureWords: Readonly<Record<string, Words>> = {
  top1Pretrained: { words: "top-1, pre-trained with PeCo", share: true },
  top1FromScratch: { words: "top-1, trained from scratch", share: true },
  chance: { words: "top-1 by chance (always the commonest class)", share: true },
  top5Pretrained: { words: "top-5, pre-trained with PeCo", share: true },
  top5FromScratch: { words: "top-5, trained from scratch", share: true },
  probePretrained: { words: "top-1, linear probe of the pre-trained network", share: true },
  probeRandom: { words: "top-1, linear probe of random weights", share: true },
  maskedAccuracy: { words: "hidden tokens named exactly right", share: true },
  usage: { words: "codes in use", share: true },
  perplexity: { words: "codebook perplexity" },
  perplexityShare: { words: "codebook perplexity, of the codebook's size", share: true },
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

import { entropy } from "./statistics.ts";

/** How evenly a codebook is used. */
export interface CodebookUse {
  /** Share of the codes that occur at all. */
  usage: number;
  /** `exp` of the histogram's entropy: the size of an evenly used codebook with the same entropy; 1 to `codes`. */
  perplexity: number;
  /** Entropy of a token in bits, `log2(perplexity)`; 0 to `log2(codes)`. */
  bits: number;
}

/** How often each code occurs among `tokens`: `uint32 [codes]`. Throws `RangeError` for a token outside the codebook. */
export function codeHistogram(tokens: ArrayLike<number>, codes: number): Uint32Array {
  const histogram = new Uint32Array(codes);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as number;
    if (!(Number.isInteger(token) && token >= 0 && token < codes)) {
      throw new RangeError(`token ${token} at ${i} is not in a codebook of ${codes}`);
    }
    histogram[token] = (histogram[token] as number) + 1;
  }
  return histogram;
}

/** Usage, perplexity and entropy of a histogram of codes, `[codes]`. */
export function codebookUse(histogram: ArrayLike<number>): CodebookUse {
  let used = 0;
  for (let code = 0; code < histogram.length; code++) if ((histogram[code] as number) > 0) used++;
  const nats = entropy(histogram);
  return { usage: used / histogram.length, perplexity: Math.exp(nats), bits: nats / Math.LN2 };
}

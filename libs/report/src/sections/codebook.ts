import type { Evaluation } from "../evaluation.ts";
import { number, percent } from "../format.ts";
import type { RunData } from "../gather.ts";
import { type Html, html } from "../html.ts";
import { rankChart } from "../plots.ts";
import { spreadOf } from "../spread.ts";
import { sourceLine } from "./source.ts";

/** Usage, perplexity and the histogram of codes on the test split, with the seeds' spread. */
export async function codebookSection({ seeds }: RunData): Promise<Html | null> {
  const evaluations = seeds.flatMap((seed) => seed.evaluation ?? []);
  const codebook = evaluations[0]?.codebook;
  if (codebook === null || codebook === undefined) return null;
  const over = (figure: (evaluation: Evaluation) => number | null | undefined) =>
    spreadOf(evaluations.flatMap((evaluation) => figure(evaluation) ?? []));
  const { size, histogram, tokens } = codebook;
  const usage = over((evaluation) => evaluation.codebook?.usage);
  const perplexity = over((evaluation) => evaluation.codebook?.perplexity);
  const bits = over((evaluation) => evaluation.codebook?.bits);
  const psnr = over((evaluation) => evaluation.reconstruction?.psnr.mean);
  const ssim = over((evaluation) => evaluation.reconstruction?.ssim?.mean);
  const sorted = histogram.toSorted((a, b) => b - a);
  const unused = sorted.filter((count) => count === 0).length;
  const chart = await rankChart(sorted, {
    label: `How often each of the ${size} codes occurs among ${number(tokens)} tokens of the test pictures, from the most to the least frequent: ${sorted[0]} times at most, ${unused} codes never. The dashed line is even use, ${Math.round(tokens / size)} times.`,
    x: "codes, most frequent first",
    y: "occurrences",
    even: tokens / size,
  });
  const pm = ({ deviation }: { deviation: number | null }, digits: number, factor = 1) =>
    deviation === null ? "" : ` ± ${number(deviation * factor, digits)}`;
  return html`<section aria-labelledby="codebook">
    <h2 id="codebook">The codebook</h2>
    <div class="split"><div>
    <p class="lead">${unused === 0 ? "Every code earns its place" : `${number(size - unused)} of ${number(size)} codes are in use`} on pictures that the
      codebook has never seen, while it is frozen.</p>
    <dl class="figures">
      <div><dt>usage</dt><dd>${percent(usage.mean)}<small>of ${number(size)} codes${pm(usage, 1, 100)}</small></dd></div>
      <div><dt>perplexity</dt><dd>${number(perplexity.mean)}<small>${percent(perplexity.mean / size, 0)} of even use${pm(perplexity, 0)}</small></dd></div>
      <div><dt>entropy</dt><dd>${number(bits.mean, 1)}<small>bits a token, of ${number(Math.log2(size), 1)} at most${pm(bits, 1)}</small></dd></div>
      ${psnr.count === 0 ? null : html`<div><dt>PSNR</dt><dd>${number(psnr.mean, 1)}<small>dB${pm(psnr, 1)}</small></dd></div>`}
      ${ssim.count === 0 ? null : html`<div><dt>SSIM</dt><dd>${number(ssim.mean, 3)}<small>Gaussian window${pm(ssim, 3)}</small></dd></div>`}
    </dl></div>
    ${chart}</div>
    ${sourceLine(seeds, "evaluate")}
  </section>`;
}

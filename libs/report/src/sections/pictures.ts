import type { Evaluation } from "../evaluation.ts";
import { number, percent } from "../format.ts";
import type { RunData, SeedData } from "../gather.ts";
import { type Html, html } from "../html.ts";
import { type ReadValue, valueReader } from "../recipe-values.ts";
import { sourceLine } from "./source.ts";

type Sample = Evaluation["samples"]["list"][number];
type Shown = SeedData & { evaluation: Evaluation };
type ReconstructedSample = Sample & { reconstruction: string };
type MaskedSample = ReconstructedSample & { masked: string; prediction: string };

/** Test pictures beside what the codebook and the pre-trained network make of them, from the first seed that has any. */
export function picturesSections({ run, seeds }: RunData): Html | null {
  const seed = seeds.find((one): one is Shown => one.evaluation !== null && one.evaluation.samples.list.length > 0);
  return seed === undefined
    ? null
    : html`${reconstructions(seed, valueReader(run.recipe.resolved))}${maskedPictures(seed)}${attentionPictures(seed)}`;
}

function reconstructions(seed: Shown, v: ReadValue): Html | null {
  const { samples, size, reconstruction, codebook } = seed.evaluation;
  const drawn = samples.list.filter((sample): sample is ReconstructedSample => sample.reconstruction !== null);
  if (drawn.length === 0 || samples.grid === null || reconstruction === null || codebook === null) return null;
  const tokens = samples.grid ** 2;
  const bits = number(Math.log2(codebook.size) * tokens);
  const ssim = reconstruction.ssim === null ? "" : `, SSIM ${number(reconstruction.ssim.mean, 2)}`;
  return html`<section aria-labelledby="reconstructions">
    <h2 id="reconstructions">What the tokens keep</h2>
    <p class="lead">Test pictures of ${size}×${size} pixels, and beside each the same drawn again from its ${tokens} tokens alone, ${bits} bits.
      ${keptWords(v)} PSNR ${number(reconstruction.psnr.mean, 1)}\u00a0dB${ssim}.</p>
    <ul class="pairs ${rendering(size)}">${drawn.map(
      (sample, i) => html`<li><figure><div class="row">
        ${picture(seed, sample.original, `Test picture ${name(sample, i)}`)}
        ${picture(seed, sample.reconstruction, `Test picture ${name(sample, i)}, drawn from its tokens`)}
        </div><figcaption>${sample.label ?? `picture ${i + 1}`}</figcaption></figure></li>`,
    )}</ul>
    ${sourceLine([seed], "evaluate")}
  </section>`;
}

function keptWords(v: ReadValue): string {
  if (v("codebook.loss.perceptual") === "0") return "The codebook was trained for the pixels alone.";
  const taught = v("perceptualNetwork.source") !== "untrained";
  return `The codebook was trained to keep what the perceptual network sees, not every pixel; ${taught ? "what that network was taught to ignore, colour above all, need not come back." : "that network was never trained."}`;
}

function maskedPictures(seed: Shown): Html | null {
  const { samples, size, codebook, maskedTokens } = seed.evaluation;
  const masked = samples.list.filter(
    (sample): sample is MaskedSample =>
      sample.reconstruction !== null && sample.masked !== null && sample.prediction !== null,
  );
  if (masked.length === 0) return null;
  const figures =
    maskedTokens === null || codebook === null
      ? ""
      : `Over the test split it names ${percent(maskedTokens.accuracy)} of ${number(maskedTokens.masked)} hidden tokens exactly right, where always naming the commonest code would reach ${percent(Math.max(...codebook.histogram) / codebook.tokens)}.`;
  return html`<section aria-labelledby="masked">
    <h2 id="masked">What the network imagines</h2>
    <p class="lead">Some patches are hidden, the pre-trained network names the tokens that belong there, and the decoder draws them. ${figures}</p>
    <div class="quads ${rendering(size)}">${masked.map((sample, i) => maskedPicture(seed, sample, i))}</div>
    ${sourceLine([seed], "evaluate")}
  </section>`;
}

function maskedPicture(seed: Shown, sample: MaskedSample, index: number): Html {
  const of = `test picture ${name(sample, index)}`;
  const cell = (caption: string, blob: string, alt: string) =>
    html`<div>${picture(seed, blob, alt)}<small>${caption}</small></div>`;
  const patches = (seed.evaluation.samples.grid ?? 0) ** 2;
  return html`<figure><div class="row">
    ${cell("picture", sample.original, `The whole ${of}`)}
    ${cell("given", sample.masked, `What the network was given of ${of}: ${sample.hidden} of ${patches} patches are grey`)}
    ${cell("predicted", sample.prediction, `Its prediction for ${of}, drawn by the decoder`)}
    ${cell("true tokens", sample.reconstruction, `The same drawn from the true tokens of ${of}`)}
  </div><figcaption>${sample.label ?? `picture ${index + 1}`}: ${sample.right} of ${sample.hidden} hidden tokens exactly right</figcaption></figure>`;
}

function attentionPictures(seed: Shown): Html | null {
  const { samples, size } = seed.evaluation;
  const looked = samples.list.filter(({ attention }) => attention.length > 0);
  const [first] = looked;
  if (first === undefined) return null;
  const heads = first.attention.length;
  return html`<section aria-labelledby="attention">
    <h2 id="attention">Where the network looks</h2>
    <p class="lead">Each head of the last block shares out its attention over the patches, as seen from the class token: where it looks, the
      picture stays light. There are ${heads} heads, the same from picture to picture.</p>
    <div class="heads ${rendering(size)}">${looked.map(
      (sample, i) => html`<figure><div class="row">
        ${picture(seed, sample.original, `Test picture ${name(sample, i)}`)}
        ${sample.attention.map((blob, head) => picture(seed, blob, `Where head ${head + 1} looks in test picture ${name(sample, i)}`))}
      </div><figcaption>${sample.label ?? `picture ${i + 1}`}</figcaption></figure>`,
    )}</div>
    ${sourceLine([seed], "evaluate")}
  </section>`;
}

const name = (sample: Sample, index: number) => `${index + 1}${sample.label === null ? "" : `, ${sample.label}`}`;

/** Small pictures are enlarged with their pixels visible; large ones are scaled smoothly. */
const rendering = (size: number) => (size > 96 ? "smooth" : "pixels");

function picture(seed: Shown, blob: string, alt: string): Html {
  const bytes = seed.pictures.get(blob);
  if (bytes === undefined) return html`<span class="gap">missing</span>`;
  const { size } = seed.evaluation;
  return html`<img src="data:image/png;base64,${Buffer.from(bytes).toString("base64")}" alt="${alt}" width="${size}" height="${size}">`;
}

import type { Triples } from "../evaluation.ts";
import { counted, number, percent } from "../format.ts";
import type { RunData } from "../gather.ts";
import { type Html, html } from "../html.ts";
import { spreadOf } from "../spread.ts";
import { plusMinus } from "./result.ts";
import { sourceLine } from "./source.ts";

type Setting = Triples["settings"][number];

const DISTANCES = {
  tokens: "tokens that differ",
  pixels: "squared error of pixels",
  features: "features of the perceptual network",
} as const;

/** Two-alternative forced choice on changed pictures: what tokens, pixels and features take for near. */
export function triplesSection({ seeds }: RunData): Html | null {
  const all = seeds.flatMap((seed) => seed.evaluation?.triples ?? []);
  const [first] = all;
  if (first === undefined) return null;
  const distances = (["tokens", "pixels", "features"] as const).filter((name) =>
    first.settings.some((setting) => setting.distances.some(({ distance }) => distance === name)),
  );
  const cell = (setting: Setting, name: (typeof distances)[number]) => {
    const found = all.flatMap(({ settings }) => {
      const same = settings.find(
        ({ kind, shift, sigma }) => kind === setting.kind && shift === setting.shift && sigma === setting.sigma,
      );
      return same?.distances.filter(({ distance }) => distance === name) ?? [];
    });
    const [score, ties] = [spreadOf(found.map((one) => one.score)), spreadOf(found.map((one) => one.ties)).mean];
    return html`<td>${percent(score.mean)} ${plusMinus(score)}${ties === 0 ? null : html`<small>ties ${percent(ties)}</small>`}</td>`;
  };
  const rows = (kinds: readonly Setting["kind"][]) =>
    first.settings
      .filter(({ kind }) => kinds.includes(kind))
      .map(
        (setting) =>
          html`<tr><th scope="row">${words(setting)}</th>${distances.map((name) => cell(setting, name))}</tr>`,
      );
  const table = (heading: string, kinds: readonly Setting["kind"][]) => html`<table>
    <thead><tr><th scope="col">${heading}</th>${distances.map((name) => html`<th scope="col">${DISTANCES[name]}</th>`)}</tr></thead>
    <tbody>${rows(kinds)}</tbody></table>`;
  return html`<section aria-labelledby="near">
    <h2 id="near">What counts as near</h2>
    <p class="lead">People find a picture that is moved by a pixel nearer to the original than one that is blurred; pixels say the opposite. For
      each of ${counted(first.pictures, "test picture")}, the share in which a distance says what people would. Ties count a half.</p>
    ${table("Moved nearer than blurred", ["shift"])}
    <h3>The other way round</h3>
    <p>A distance that overlooks every shift would win above, so it loses here; one that sees nothing ties throughout. A slightly blurred
      picture should be nearer than one moved by a quarter of its side, and a blurred one nearer than another picture.</p>
    ${table("Blurred nearer", ["far-shift", "other-picture"])}
    ${sourceLine(seeds, "evaluate")}
  </section>`;
}

function words({ kind, shift, sigma }: Setting): string {
  const blur = `blur of σ ${number(sigma, 1)}`;
  if (kind === "other-picture") return `${blur}, against another picture`;
  const moved = `${counted(shift ?? 0, "pixel")}`;
  return kind === "shift" ? `${moved}, against a ${blur}` : `${blur}, against ${moved}`;
}

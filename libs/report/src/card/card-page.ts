import { counted, duration, moment, number, short } from "../format.ts";
import { type Html, html, trusted } from "../html.ts";
import { labelled } from "../label.ts";
import { pageStyle } from "../page-style.ts";
import type { ReproducibilityCard } from "./card.ts";

/** A card as a page: one HTML file without scripts and without a single request. */
export function renderCard(card: ReproducibilityCard): string {
  const title = `Reproducibility card of run ${card.run}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${trusted(pageStyle)}</style>
</head>
<body>
<div class="wrap">
<header>
  <p class="brand">PeCo reproducibility card</p>
  <h1>What it takes to repeat run ${card.run}</h1>
  <p class="about">${moment(card.created)}. <code>./peco reproduce card.json</code> checks whether a machine can repeat it, does, and says how near it came.</p>
</header>
<main>
${pseudocodeSection(card)}
${codeSection(card)}
${dataSection(card)}
${splitsSection(card)}
${factsSection("hardware", "5. Hardware", card.hardware)}
${factsSection("software", "6. Software versions", card.software)}
${experimentSection(card)}
</main>
<footer>The seven variables by which the reproducibility of published methods is judged. This page was filled from the run itself and asks nothing of the network.</footer>
</div>
</body>
</html>
`.text;
}

function pseudocodeSection({ pseudocode }: ReproducibilityCard): Html {
  return html`<section aria-labelledby="pseudocode">
    <h2 id="pseudocode">1. Pseudocode</h2>
    ${pseudocode.map(({ stage, file, lines }) => html`<h3>${stage}</h3><p class="note">${file}</p><pre>${lines.join("\n")}</pre>`)}
  </section>`;
}

function codeSection({ code }: ReproducibilityCard): Html {
  return section("code", "2. Open code", [
    ["licence", code.licence],
    ["revision", code.revision ?? "not a git checkout"],
    ["changes beside the revision", code.changed ? "yes: the revision alone does not name this code" : "none"],
    ["lock file, SHA-256", code.lockfile ?? "unknown"],
  ]);
}

function dataSection({ data, inputs }: ReproducibilityCard): Html {
  const folder = inputs?.folder ?? null;
  return section("open-data", "3. Open data", [
    ["source", data.source],
    ...(folder === null ? [] : [["names and contents, SHA-256", folder] as const]),
    ["licence", data.licence],
    ...Object.entries(data.artifacts).map(([seed, digest]): [string, string] => [`packed, seed ${seed}`, digest]),
    ["files skipped", number(data.skipped)],
    ["copies", number(data.copies)],
    ...(inputs?.weights ?? []).map(({ stage, path, digest, preset, licence }): [string, string] => [
      `weights that ${stage} read`,
      `${path}${preset === null ? "" : ` (${preset})`}, SHA-256 ${digest}, licence: ${licence}`,
    ]),
    ...(inputs?.given ?? []).map(({ name, artifact, kind }): [string, string] => [
      `given by an earlier run: ${labelled(name, "")[0]}`,
      `${kind}, ${artifact}`,
    ]),
  ]);
}

function splitsSection({ splits }: ReproducibilityCard): Html {
  const { counts } = splits;
  return html`${section("splits", "4. Dataset splits", [
    ["definition", splits.definition],
    ["training", `${number(counts.train)}, ${number(splits.labelled)} with labels`],
    ["validation", number(counts.validation)],
    ["test", number(counts.test)],
  ])}
  ${
    splits.classes.length === 0
      ? null
      : html`<details><summary>${counted(splits.classes.length, "class", "classes")}</summary><table>
    <thead><tr><th scope="col">Class</th><th scope="col">Training</th><th scope="col">Validation</th><th scope="col">Test</th></tr></thead>
    <tbody>${splits.classes.map(({ name, counts: each }) => html`<tr><th scope="row">${name}</th><td>${number(each.train)}</td><td>${number(each.validation)}</td><td>${number(each.test)}</td></tr>`)}</tbody></table></details>`
  }`;
}

function factsSection(id: string, title: string, facts: Readonly<Record<string, unknown>>): Html {
  const words = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  return section(
    id,
    title,
    Object.entries(facts).map(([name, value]) => labelled(name, words(value))),
  );
}

function experimentSection({ experiment }: ReproducibilityCard): Html {
  const { artifacts } = experiment;
  return html`${section("experiment", "7. Experiment setup", [
    ["command", experiment.command === "" ? "none of its own: see what it was given" : experiment.command],
    ["recipe", experiment.recipe],
    [experiment.seeds.length === 1 ? "seed" : "seeds", experiment.seeds.join(", ")],
    ["time", experiment.seconds === null ? "unknown" : duration(experiment.seconds)],
  ])}
  <h3>Stages and what they made</h3>
  <table><thead><tr><th scope="col">Stage</th><th scope="col">Seed</th><th scope="col">Time</th><th scope="col">Artifact</th></tr></thead>
  <tbody>${artifacts.map(({ stage, seed, seconds, artifact }) => html`<tr><th scope="row">${stage}</th><td>${seed}</td><td>${seconds === null ? "" : duration(seconds)}</td><td><code title="${artifact}">${short(artifact)}</code></td></tr>`)}</tbody></table>
  <details><summary>Every figure that was measured</summary><table>
  <tbody>${artifacts.flatMap(({ stage, seed, figures }) => Object.entries(figures).map(([name, value]) => html`<tr><th scope="row">${stage} (seed ${seed}) ${name}</th><td>${value}</td></tr>`))}</tbody></table></details>
  <details><summary>Every value of the recipe, and where it was taken from</summary>
  <table class="recipe"><thead><tr><th scope="col">Value</th><th scope="col">Set to</th><th scope="col">From</th></tr></thead>
  <tbody>${experiment.values.map(({ path, value, source }) => html`<tr><th scope="row" class="path">${path}</th><td class="words">${value}</td><td class="words">${source}</td></tr>`)}</tbody></table></details>`;
}

function section(id: string, title: string, facts: readonly (readonly [string, string])[]): Html {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
  </section>`;
}

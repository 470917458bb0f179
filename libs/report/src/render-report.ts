import type { Store } from "@peco/artifacts";
import { duration, moment } from "./format.ts";
import { gather, type RunData } from "./gather.ts";
import { type Html, html, trusted } from "./html.ts";
import { pageStyle } from "./page-style.ts";
import { codebookSection } from "./sections/codebook.ts";
import { confusionSection } from "./sections/confusion.ts";
import { featuresSection } from "./sections/features.ts";
import { picturesSections } from "./sections/pictures.ts";
import { curvesSection, pipelineSection } from "./sections/pipeline.ts";
import { provenanceSection } from "./sections/provenance.ts";
import { headline, resultSection } from "./sections/result.ts";
import { triplesSection } from "./sections/triples.ts";
import { dataSection } from "./sections/your-data.ts";

/**
 * A run's page: one HTML file with style, charts and pictures inside, without scripts and without a single request, from what lies in
 * the store. What is missing there is named on the page instead of stopping it.
 *
 * @throws ObjectMissing when there is no such run
 */
export async function renderReport(store: Store, run: string): Promise<string> {
  return renderPage(await gather(store, run));
}

/** The page of a run whose data is at hand. */
export async function renderPage(data: RunData): Promise<string> {
  const { run, problems } = data;
  const title = headline(data);
  const body = [
    resultSection(data),
    picturesSections(data),
    await featuresSection(data),
    await codebookSection(data),
    triplesSection(data),
    confusionSection(data),
    pipelineSection(data),
    await curvesSection(data),
    dataSection(data),
    provenanceSection(data),
  ];
  const remarks = [...(run.failure === null ? [] : [failureWords(run.failure)]), ...run.notes, ...problems];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 4 4'%3E%3Cpath fill='%230a6b74' d='M0 0h2v2H0zm2 2h2v2H2z'/%3E%3C/svg%3E">
<title>${title} – PeCo run ${run.id}</title>
<style>${trusted(pageStyle)}</style>
</head>
<body>
<div class="wrap">
<header>
  <p class="brand">PeCo run report</p>
  <h1>${title}</h1>
  <p class="about">Run ${run.id} of recipe ${run.recipe.name}, ${run.seeds.length === 1 ? "seed" : "seeds"} ${run.seeds.join(", ")}, ${moment(run.created)}${run.seconds === null ? "" : `, ${duration(run.seconds)}`}</p>
  ${remarks.map((remark) => html`<p class="warning">${remark}</p>`)}
</header>
<main>
${body[0]}
${contents(body)}
${body.slice(1)}
</main>
<footer>PeCo: perceptual codebook for BERT pre-training of vision transformers. This page is one file and asks nothing of the network.</footer>
</div>
</body>
</html>
`;
  return page.text;
}

function failureWords({
  message,
  stage,
  remedy,
}: {
  message: string;
  stage: string | null;
  remedy: string | null;
}): string {
  return `${stage === null ? "" : `${stage}: `}${message}${remedy === null ? "" : ` ${remedy}`}`;
}

const CONTENTS = [
  ["reconstructions", "What the tokens keep"],
  ["masked", "What the network imagines"],
  ["attention", "Where it looks"],
  ["features", "Features"],
  ["codebook", "Codebook"],
  ["near", "What counts as near"],
  ["confusion", "Confusion"],
  ["pipeline", "How it was made"],
  ["curves", "Learning curves"],
  ["data", "Your data"],
  ["provenance", "Where each number came from"],
] as const;

/** Links to the sections that are there. */
function contents(sections: readonly (Html | null)[]): Html {
  const text = sections.map((section) => section?.text ?? "").join("");
  const present = CONTENTS.filter(([id]) => text.includes(` id="${id}"`));
  return html`<nav aria-label="Contents"><ul>${present.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>`;
}

import type { RunStage } from "@peco/artifacts";
import { z } from "zod";
import { flatValues } from "../flat-values.ts";
import { duration, moment, short } from "../format.ts";
import type { RunData } from "../gather.ts";
import { type Html, html } from "../html.ts";
import { labelled } from "../label.ts";
import { recipeValues } from "../recipe-values.ts";

/** Artifacts with their digests and inputs, the recipe value by value, machine and versions: where each number came from. */
export function provenanceSection({ run, artifacts }: RunData): Html {
  return html`<section aria-labelledby="provenance">
    <h2 id="provenance">Where each number came from</h2>
    <p class="note">What it takes to repeat this run stands in its reproducibility card, <a href="card.html">card.html</a>; <code>peco reproduce card.json</code> does it and says how near it came.</p>
    <dl class="facts">
      ${fact("run", run.id)}
      ${fact("started", moment(run.created))}
      ${run.ended === null ? null : fact("ended", moment(run.ended))}
      ${run.seconds === null ? null : fact("time", duration(run.seconds))}
      ${fact("recipe", run.recipe.name)}
      ${fact(run.seeds.length === 1 ? "seed" : "seeds", run.seeds.join(", "))}
      ${fact("pictures", run.data ?? "the generated set")}
      ${flatValues("", run.machine).map(([name, value]) => fact(...labelled(name, value)))}
      ${flatValues("", run.software).map(([name, value]) => fact(...labelled(name, value)))}
    </dl>
    <h3>Artifacts</h3>
    <p class="note">Each is named by the SHA-256 of its content, so the same content has the same name anywhere; <code>peco artifacts show</code> takes the first digits.</p>
    <ul class="artifacts">${artifacts.map(({ digest, manifest }) => {
      const stages = run.stages.filter((stage) => stage.artifact === digest);
      return html`<li id="a-${short(digest)}"><strong>${manifest.kind}</strong> <code>${digest}</code>
        <span class="note">${stageWords(stages, run.seeds.length > 1)}${inputs(manifest.inputs)}${licence(manifest.meta)}</span></li>`;
    })}</ul>
    <h3>Recipe</h3>
    <p class="note">Values that equal the named publication's are marked with it; all others are this recipe's own choice, for want of a published value or of the paper's scale.</p>
    <details><summary>Every value of the recipe, and its origin</summary>
      <table class="recipe"><thead><tr><th scope="col">Value</th><th scope="col">Set to</th><th scope="col">From</th></tr></thead>
      <tbody>${recipeValues(run.recipe.resolved).map(({ path, value, source }) => html`<tr><th scope="row" class="path">${path}</th><td class="words">${value}</td><td class="words">${source}</td></tr>`)}</tbody></table>
    </details>
  </section>`;
}

const fact = (name: string, value: string) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;

function stageWords(stages: readonly RunStage[], severalSeeds: boolean): string {
  const [first] = stages;
  if (first === undefined) return "";
  const seeds = severalSeeds ? `, seed ${[...new Set(stages.map(({ seed }) => seed))].join(", ")}` : "";
  return `stage ${[...new Set(stages.map(({ name }) => name))].join(", ")}${seeds}${first.key === null ? "" : `, key ${short(first.key)}`}`;
}

/** Whose weights an artifact holds or was fine-tuned from, where those were not trained here. */
function licence(meta: unknown): string {
  const found = z.object({ origin: z.object({ preset: z.string(), licence: z.string() }) }).safeParse(meta)
    .data?.origin;
  if (found === undefined) return "";
  return `; from weights of ${found.preset}, ${found.licence === "unknown" ? "licence unknown" : `under ${found.licence}`}`;
}

function inputs(named: Readonly<Record<string, string>>): Html | null {
  const entries = Object.entries(named);
  if (entries.length === 0) return null;
  return html`; made from ${entries.map(([name, digest], i) => html`${i > 0 ? ", " : ""}<a href="#a-${short(digest)}">${name}</a>`)}`;
}

import type { DataSummary, SplitCounts } from "../data-summary.ts";
import { counted, number } from "../format.ts";
import type { RunData } from "../gather.ts";
import { type Html, html } from "../html.ts";

const SHOWN = { classes: 60, skipped: 50 };

/** Counts, split, skipped files and copies: what the run made of the pictures it was given. */
export function dataSection({ seeds }: RunData): Html | null {
  const data = seeds.find((seed) => seed.data !== null)?.data;
  if (data === null || data === undefined) return null;
  const { train, validation, test } = data.counts;
  return html`<section aria-labelledby="data">
    <h2 id="data">Your data</h2>
    <p class="lead">${data.source}: ${counted(train + validation + test, "picture")}${data.size === null ? "" : ` at ${data.size}×${data.size} pixels`}${
      data.classes === null ? ", without classes" : `, ${counted(data.classes.length, "class", "classes")}`
    }.</p>
    <dl class="figures">
      <div><dt>training</dt><dd>${number(train)}${data.labelled === null ? null : html`<small>${number(data.labelled)} with labels</small>`}</dd></div>
      <div><dt>validation</dt><dd>${number(validation)}<small>chooses learning rates</small></dd></div>
      <div><dt>test</dt><dd>${number(test)}<small>measured once, at the end</small></dd></div>
      <div><dt>skipped</dt><dd>${number(data.skipped.length)}<small>${data.skipped.length === 1 ? "file" : "files"}</small></dd></div>
      ${
        data.copies === null
          ? null
          : html`<div><dt>copies</dt><dd>${number(data.copies.files)}<small>${data.copies.acrossSplit === 0 ? "none across the split" : `${number(data.copies.acrossSplit)} across the split`}</small></dd></div>`
      }
    </dl>
    ${data.copies !== null && data.copies.acrossSplit > 0 ? html`<p class="warning">${counted(data.copies.acrossSplit, "test or validation picture is", "test or validation pictures are")} also in the training split, so accuracy on them says less than it seems.</p>` : null}
    ${classTable(data)}${skippedTable(data)}
  </section>`;
}

function classTable({ classes }: DataSummary): Html | null {
  if (classes === null) return null;
  const row = (name: string, counts: SplitCounts) =>
    html`<tr><th scope="row">${name}</th><td>${number(counts.train)}</td><td>${number(counts.validation)}</td><td>${number(counts.test)}</td></tr>`;
  return html`<details><summary>Pictures by class</summary><table>
    <thead><tr><th scope="col">Class</th><th scope="col">Training</th><th scope="col">Validation</th><th scope="col">Test</th></tr></thead>
    <tbody>${classes.slice(0, SHOWN.classes).map(({ name, counts }) => row(name, counts))}</tbody></table>
    ${classes.length > SHOWN.classes ? html`<p class="note">and ${number(classes.length - SHOWN.classes)} more classes</p>` : null}</details>`;
}

function skippedTable({ skipped }: DataSummary): Html | null {
  if (skipped.length === 0) return null;
  return html`<details open><summary>Skipped files</summary><table>
    <thead><tr><th scope="col">File</th><th scope="col" class="words">Why</th></tr></thead>
    <tbody>${skipped.slice(0, SHOWN.skipped).map(({ path, reason }) => html`<tr><th scope="row" class="path">${path}</th><td class="words">${reason}</td></tr>`)}</tbody></table>
    ${skipped.length > SHOWN.skipped ? html`<p class="note">and ${number(skipped.length - SHOWN.skipped)} more</p>` : null}</details>`;
}

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
    <p class="lead">${data.source}: ${counted(train + validation + test, "picture")}${data.side === null ? ", packed as files" : ` at ${data.side}×${data.side} pixels`}${
      data.classes.length === 0 ? ", without classes" : `, ${counted(data.classes.length, "class", "classes")}`
    }.</p>
    <dl class="figures">
      <div><dt>training</dt><dd>${number(train)}${data.labelled === 0 || data.labelled === train ? null : html`<small>${number(data.labelled)} with labels</small>`}</dd></div>
      <div><dt>validation</dt><dd>${number(validation)}<small>${data.classes.length === 0 ? "kept apart, not used" : "chooses learning rates"}</small></dd></div>
      <div><dt>test</dt><dd>${number(test)}<small>measured once, at the end</small></dd></div>
      <div><dt>skipped</dt><dd>${number(data.skipped.length)}<small>${data.skipped.length === 1 ? "file" : "files"}</small></dd></div>
      <div><dt>copies</dt><dd>${number(data.copies.files)}<small>${copiesWords(data.copies)}</small></dd></div>
    </dl>
    <p class="note">Split: ${data.split}</p>
    ${warning(data.copies)}
    ${classTable(data)}${skippedTable(data)}
  </section>`;
}

function copiesWords({ files, acrossSplits }: DataSummary["copies"]): string {
  if (files === 0) return "every file is different";
  return acrossSplits === 0 ? "none across the split" : `${number(acrossSplits)} across the split`;
}

function warning({ acrossSplits, acrossClasses }: DataSummary["copies"]): Html {
  return html`${acrossSplits === 0 ? null : html`<p class="warning">${counted(acrossSplits, "picture is", "pictures are")} on both sides of the split, so accuracy on them says less than it seems.</p>`}
    ${acrossClasses === 0 ? null : html`<p class="warning">${counted(acrossClasses, "picture has", "pictures have")} a copy in another class.</p>`}`;
}

function classTable({ classes }: DataSummary): Html | null {
  if (classes.length === 0) return null;
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
    <tbody>${skipped.slice(0, SHOWN.skipped).map(({ name, reason }) => html`<tr><th scope="row" class="path">${name}</th><td class="words">${reason}</td></tr>`)}</tbody></table>
    ${skipped.length > SHOWN.skipped ? html`<p class="note">and ${number(skipped.length - SHOWN.skipped)} more</p>` : null}</details>`;
}

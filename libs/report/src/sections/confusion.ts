import type { Arm } from "../evaluation.ts";
import { percent } from "../format.ts";
import type { RunData } from "../gather.ts";
import { type Html, html } from "../html.ts";
import { titleOf } from "./result.ts";
import { sourceLine } from "./source.ts";

/** Which classes are taken for which, both arms side by side, summed over seeds that have the same classes. */
export function confusionSection({ run, seeds }: RunData): Html | null {
  const evaluations = seeds.flatMap((seed) => seed.evaluation?.classification ?? []);
  const classes = evaluations[0]?.classes;
  if (classes === undefined) return null;
  const same = evaluations.filter((other) => other.classes.join("\0") === classes.join("\0"));
  const matrices = (["pretrained", "from-scratch"] as const).flatMap((name) => {
    const arms = same.flatMap((one) => one.arms.filter((arm) => arm.name === name));
    return arms.length === 0
      ? []
      : [{ name, title: titleOf((arms[0] as Arm).start, run.recipe.resolved), cells: sum(arms) }];
  });
  if (matrices.length === 0) return null;
  const worst = mistakes((matrices[0] as (typeof matrices)[0]).cells, classes).slice(0, 5);
  const darkest = Math.max(...matrices.map(({ cells }) => largestShare(cells, classes.length)));
  return html`<section aria-labelledby="confusion">
    <h2 id="confusion">Which classes are taken for which</h2>
    <p class="lead">A row is a true class, a column what the network said, in the same order; the darker a square, the larger its share of the row.</p>
    <div class="matrices">${matrices.map(({ title, cells }) => html`<figure>${heatMap(cells, classes, title, darkest)}<figcaption>${title}</figcaption></figure>`)}</div>
    ${worst.length === 0 ? null : html`<p>The pre-trained network's commonest mistakes: ${worst.map(({ from, to, share }, i) => html`${i > 0 ? "; " : ""}<em>${from}</em> taken for <em>${to}</em> (${percent(share, 0)} of its pictures)`)}.</p>`}
    ${byClass(matrices, classes)}
    ${sourceLine(seeds, "evaluate")}
  </section>`;
}

type Matrix = { name: Arm["name"]; title: string; cells: number[] };

function sum(arms: readonly Arm[]): number[] {
  return (arms[0] as Arm).confusion.map((_, cell) =>
    arms.reduce((total, arm) => total + (arm.confusion[cell] ?? 0), 0),
  );
}

function rowTotal(cells: readonly number[], classes: number, row: number): number {
  return cells.slice(row * classes, (row + 1) * classes).reduce((a, b) => a + b, 0);
}

/** The largest share of a row that any square has: it gets the full colour. */
function largestShare(cells: readonly number[], classes: number): number {
  return Math.max(
    0.01,
    ...cells.map((count, cell) => (count === 0 ? 0 : count / rowTotal(cells, classes, Math.floor(cell / classes)))),
  );
}

function mistakes(cells: readonly number[], classes: readonly string[]): { from: string; to: string; share: number }[] {
  return cells
    .map((count, cell) => {
      const [row, column] = [Math.floor(cell / classes.length), cell % classes.length];
      const share = count === 0 ? 0 : count / rowTotal(cells, classes.length, row);
      return { from: classes[row] as string, to: classes[column] as string, share: row === column ? 0 : share };
    })
    .filter(({ share }) => share > 0)
    .toSorted((a, b) => b.share - a.share);
}

const CELL = 10;

/** Squares whose shade is the share of the row; empty cells are left out, so that many classes stay small. */
function heatMap(cells: readonly number[], classes: readonly string[], title: string, darkest: number): Html {
  const n = classes.length;
  const right =
    classes.reduce((total, _, i) => total + (cells[i * n + i] ?? 0), 0) /
    Math.max(
      1,
      cells.reduce((a, b) => a + b, 0),
    );
  const labelled = n <= 24;
  const margin = labelled ? Math.min(90, 5.2 * Math.max(...classes.map((name) => Math.min(18, name.length)))) : 0;
  const squares = cells.flatMap((count, cell) => {
    if (count === 0) return [];
    const [row, column] = [Math.floor(cell / n), cell % n];
    const share = count / rowTotal(cells, n, row);
    const [x, opacity] = [(margin + column * CELL).toFixed(1), Math.max(0.04, share / darkest).toFixed(2)];
    return [
      html`<rect x="${x}" y="${row * CELL}" width="${CELL - 1}" height="${CELL - 1}" fill-opacity="${opacity}"><title>${classes[row]} taken for ${classes[column]}: ${percent(share)}</title></rect>`,
    ];
  });
  const names = labelled
    ? classes.map(
        (name, row) =>
          html`<text x="${(margin - 4).toFixed(1)}" y="${row * CELL + 7.4}" text-anchor="end">${name.length > 18 ? `${name.slice(0, 17)}…` : name}</text>`,
      )
    : null;
  const label = `${title}: confusion of ${n} classes, ${percent(right)} on the diagonal. The table below has the numbers by class.`;
  return html`<svg class="heat" viewBox="0 0 ${(margin + n * CELL).toFixed(1)} ${n * CELL}" role="img" aria-label="${label}">
    <rect class="ground" x="${margin.toFixed(1)}" y="0" width="${n * CELL - 1}" height="${n * CELL - 1}"></rect>${squares}${names}</svg>`;
}

function byClass(matrices: readonly Matrix[], classes: readonly string[]): Html {
  const n = classes.length;
  return html`<details><summary>Accuracy of each class</summary><table>
    <thead><tr><th scope="col">Class</th>${matrices.map(({ name }) => html`<th scope="col">${name === "pretrained" ? "Pre-trained" : "From scratch"}</th>`)}</tr></thead>
    <tbody>${classes.map(
      (name, row) =>
        html`<tr><th scope="row">${name}</th>${matrices.map(({ cells }) => {
          const total = rowTotal(cells, n, row);
          return html`<td>${total === 0 ? "no pictures" : percent((cells[row * n + row] ?? 0) / total)}</td>`;
        })}</tr>`,
    )}</tbody></table></details>`;
}

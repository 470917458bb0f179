import { expect, test } from "vitest";
import { compare, compareTogether, level, primary, secondaryOf } from "./compare.ts";
import { studyPage } from "./page.ts";
import { studyPlots } from "./plots.ts";
import { type StudyResults, type StudyRow, studyResults } from "./results.ts";

const row = (arm: string, seed: string, budget: number, figures: Record<string, number>): StudyRow => ({
  arm,
  seed,
  budget,
  lr: 0.001,
  networks: [figures["top1"] ?? 0, figures["top1"] ?? 0],
  figures,
  gflop: { "perceptual-network": 4000, codebook: 3000, pretrain: 3500, finetune: 1300 },
  seconds: { codebook: 60, pretrain: 100, finetune: 40 },
  artifacts: {},
});
const beside = { results: "study/results.json", plots: [] };
const arm = (name: string, title: string) => ({ name, title, what: "an arm", seeds: 3, budgets: 2, sets: ["a.b=1"] });

/** Two arms with three seeds, of which the last has one arm only, and the second budget of one seed. */
const partial: StudyResults = studyResults.parse({
  format: 1,
  study: "generated",
  recipe: { name: "study/generated", sets: [] },
  seeds: ["11", "12", "13"],
  budgets: [320, 1024],
  arms: [arm("pixel-tokens", "pixel tokens"), arm("peco", "PeCo"), arm("feature-kmeans", "k-means of features")],
  pictures: { classes: ["a", "b"], test: 4000, validation: 1000, commonest: 0.07 },
  sessions: [],
  rows: [
    row("pixel-tokens", "11", 320, { top1: 0.3, probe: 0.4 }),
    row("pixel-tokens", "12", 320, { top1: 0.35 }),
    row("pixel-tokens", "13", 320, { top1: 0.1 }),
    row("peco", "12", 320, { top1: 0.4 }),
    row("peco", "11", 320, { top1: 0.45, probe: 0.45 }),
    row("peco", "11", 1024, { top1: 0.5 }),
    row("pixel-tokens", "11", 1024, { top1: 0.49 }),
  ],
});

test("arms are compared over the seeds that both have, each with its own pair", () => {
  const found = compare(partial, primary);
  expect(found?.seeds).toEqual(["12", "11"]);
  expect(found?.differences[0]).toBeCloseTo(0.05, 12);
  expect(found?.differences[1]).toBeCloseTo(0.15, 12);
  expect(found?.result.mean).toBeCloseTo(0.1, 12);
  expect(found?.result.signFlip).toBe(0.5);
  expect(compare(partial, { ...primary, second: "feature-kmeans" })).toBeNull();
});

test("what has no pairs is no part of the correction", () => {
  const found = compareTogether(partial, secondaryOf(partial));
  expect(found.map(({ comparison }) => `${comparison.figure} ${comparison.budget}`)).toEqual(["top1 1", "probe 0"]);
  expect(found.map(({ corrected }) => corrected)).toEqual([1, 1]);
});

test("the latents are no part of the correction, and stand with the other contrasts", () => {
  const rows = partial.rows.map((row) => ({ ...row, figures: { ...row.figures, latents: row.figures["top1"] ?? 0 } }));
  const page = studyPage({ ...partial, rows }, beside);
  const [before, contrasts] = page.split("## Other contrasts");
  expect(contrasts).toContain("| PeCo − pixel tokens | latents, linear | +.100 |");
  expect(before).not.toContain("latents, linear");
});

test("a level over one seed has no interval", () => {
  expect(level(partial, "peco", ({ figures }) => figures["probe"])).toEqual({
    values: [0.45],
    mean: 0.45,
    deviation: null,
    interval: null,
  });
  expect(level(partial, "pixel-tokens", ({ figures }) => figures["top1"])?.mean).toBeCloseTo(0.25, 12);
});

test("the page says what lacks, and shows what is there", async () => {
  const plots = await studyPlots(partial);
  expect(plots.map(({ name }) => name)).toEqual(["top1-320.svg", "top1-1024.svg", "differences.svg"]);
  const page = studyPage(partial, {
    ...beside,
    plots: plots.map(({ name, title }) => ({ file: `study/${name}`, title })),
  });
  expect(page).toContain("PeCo at 320 labels has 2 of 3 seeds");
  expect(page).toContain("k-means of features at 1,024 labels has 0 of 3 seeds");
  expect(page).toContain("**+.100** (95 % interval −.535 to +.735), exact sign-flip p .5000");
  expect(page).toContain("| pixel tokens | 3 | .250 ± .132 |");
  expect(page).toContain("| PeCo | 2 | .425 ± .035 | .500 |");
  expect(page).toContain("![");
  expect(page).not.toMatch(/undefined|NaN|null/);
});

test("a study with another value of the recipe says so in its title", () => {
  const recipe = { ...partial.recipe, sets: ["a.b=1", "c.d=2"] };
  expect(studyPage({ ...partial, recipe }, beside)).toMatch(/^# The study with `a.b=1`, `c.d=2`\n/);
  expect(studyPage(partial, beside)).toMatch(/^# The study\n/);
});

test("a page of nothing at all says so", async () => {
  const empty = { ...partial, rows: [], pictures: null };
  expect(await studyPlots(empty)).toEqual([]);
  expect(studyPage(empty, beside)).toContain("No seed has both arms yet.");
});

const otherFigures = { balanced: 0.3, otherTop1: 0.2, otherBalanced: 0.15, otherProbe: 0.25 };
/** The same as a study on emoji: one budget of all labels, and the other style. */
const emoji: StudyResults = studyResults.parse({
  ...partial,
  ...{ study: "emoji", kind: "emoji", budgets: [null], arms: partial.arms.map((arm) => ({ ...arm, budgets: 1 })) },
  pictures: { ...partial.pictures, commonest: 0.203, commonestOver: [0.203, 0.203], probeLabels: 2202 },
  rows: partial.rows
    .filter(({ budget }) => budget === 320)
    .map((row) => ({ ...row, budget: null, figures: { ...row.figures, ...otherFigures } })),
});

test("the study on emoji tests the other style, too", () => {
  const found = compareTogether(emoji, secondaryOf(emoji));
  expect(found.map(({ comparison }) => comparison.figure)).toEqual([
    ...["probe", "balanced", "otherTop1", "otherBalanced", "otherProbe"],
  ]);
  const page = studyPage(emoji, beside);
  const heading = page.split("\n").find((line) => line.startsWith("| arm | seeds |"));
  expect(heading).toBe(
    "| arm | seeds | top-1, all labels | balanced, all labels | other style, all labels: top-1 | balanced | linear probe | probe, other style |",
  );
  expect(page).toContain("| PeCo | 2 | .425 ± .035 | .300 ± .000 | .200 ± .000 | .150 ± .000 | .450 | .250 ± .000 |");
  expect(page).toContain("| PeCo − pixel tokens | balanced accuracy, other style |");
});

test("the page on emoji speaks of emoji", () => {
  const page = studyPage(emoji, beside);
  for (const said of [
    "# The study on emoji",
    "`./peco study --data emoji`",
    "[study/results.json](study/results.json); `./peco study report --results FILE`",
    "1,836",
    "all labels of the training pictures",
    "the first 2,202 training pictures",
    "all seeds share one test set",
    "(always naming the commonest class: .203)",
  ])
    expect(page).toContain(said);
  expect(page).not.toMatch(/undefined|NaN|null|alike in number/);
});

test("a folder of the user's has no word of emoji, whatever it is called", () => {
  const folder = { ...emoji, study: "birds", kind: "folder" } as const;
  const page = studyPage(folder, beside);
  expect(page).toContain("`./peco study --data DIR`");
  expect(page).not.toMatch(/emoji|Google/);
  expect(studyPage({ ...folder, study: "emoji" }, beside)).not.toContain("Google");
});

test("the commonest class has its share over all seeds, where results know it", () => {
  const pictures = {
    classes: ["a", "b"],
    test: 4000,
    validation: 1000,
    commonest: 0.07,
    commonestOver: [0.068, 0.072],
  };
  const page = studyPage(studyResults.parse({ ...partial, pictures }), beside);
  expect(page).toContain("(always naming the commonest class: .068 to .072 over the seeds)");
  expect(studyPage(partial, beside)).toContain("(always naming the commonest class: .070)");
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ObjectMissing, type Store } from "@peco/artifacts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Evaluation, gather, type RunData, renderPage, renderReport } from "../src/index.ts";
import { headline, summarizeArm } from "../src/sections/result.ts";
import { exampleRun } from "./example-run.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-report-"));
let store: Store;
let id: string;
let data: RunData;
beforeAll(async () => {
  ({ store, id } = await exampleRun(folder, { seeds: ["1", "2"], pictures: 2 }));
  data = await gather(store, id);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The run with one seed whose evaluation is changed. */
function changed(change: (evaluation: Evaluation) => void): RunData {
  const [seed] = structuredClone(data.seeds);
  if (seed?.evaluation === null || seed?.evaluation === undefined) throw new Error("the example has an evaluation");
  change(seed.evaluation);
  return { ...data, seeds: [seed] };
}

describe("numbers", () => {
  it("are means over seeds, with their sample deviation", () => {
    const means = data.seeds.map((seed) => seed.evaluation?.classification?.arms[0]?.mean.top1 ?? Number.NaN) as [
      number,
      number,
    ];
    const arm = summarizeArm(data.seeds, "pretrained");
    expect(arm?.top1.mean).toBeCloseTo((means[0] + means[1]) / 2, 12);
    expect(arm?.top1.deviation).toBeCloseTo(Math.abs(means[0] - means[1]) / Math.SQRT2, 12);
    expect(arm?.networks.length).toBe(4);
  });

  it("have the spread of the networks where there is one seed", () => {
    const [first] = data.seeds;
    const networks = first?.evaluation?.classification?.arms[0]?.networks.map(({ top1 }) => top1) as [number, number];
    expect(summarizeArm(data.seeds.slice(0, 1), "pretrained")?.top1.deviation).toBeCloseTo(
      Math.abs(networks[0] - networks[1]) / Math.SQRT2,
      12,
    );
  });

  it("stand beside chance in the page", async () => {
    const page = await renderPage(data);
    expect(page.match(/chance 6\.7\u202f%/g)?.length).toBe(4);
    expect(page).toMatch(/sample deviation over 2 seeds/);
  });
});

describe("the first sentence", () => {
  const withTop1 = (pretrained: number, scratch: number, pictures = 4000) =>
    headline(
      changed((evaluation) => {
        evaluation.pictures = pictures;
        for (const arm of evaluation.classification?.arms ?? []) {
          const top1 = arm.name === "pretrained" ? pretrained : scratch;
          for (const network of arm.networks) network.top1 = top1;
        }
      }),
    );

  it("says what came out, also where that is nothing or the contrary", () => {
    expect(withTop1(0.4, 0.2)).toMatch(/^Pre-training raises top.1 accuracy from 20\.0.% to 40\.0.%$/u);
    expect(withTop1(0.202, 0.2)).toMatch(/no clear difference/);
    expect(withTop1(0.1, 0.2)).toMatch(/did not help/);
    expect(withTop1(0.09, 0.06)).toMatch(/raises/);
    expect(withTop1(0.05, 0.04)).toMatch(/Neither network does clearly better than chance/);
  });

  it("does not take the noise of few pictures for a result", () => {
    expect(withTop1(0.25, 0.2, 4000)).toMatch(/raises/);
    expect(withTop1(0.25, 0.2, 128)).toMatch(/no clear difference/);
    expect(withTop1(1, 0.98, 3)).not.toMatch(/raises|did not help/);
    expect(withTop1(1, 1, 12)).toMatch(/no clear difference/);
  });

  it("speaks of the codebook where there are no classes, and of the state where there is no evaluation", () => {
    expect(headline(changed((evaluation) => Object.assign(evaluation, { classification: null })))).toMatch(
      /vocabulary of 256 visual tokens/,
    );
    expect(headline({ ...data, run: { ...data.run, state: "failed" }, seeds: [] })).toBe(
      "This run stopped with an error",
    );
  });
});

describe("runs that are not whole", () => {
  it("shows a run that failed early, with what to do", async () => {
    const failure = {
      message: "the disk is full",
      exitCode: 73,
      stage: "codebook",
      path: null,
      remedy: "Free some space.",
    };
    const stages = data.run.stages
      .slice(0, 2)
      .map((stage, i) => ({ ...stage, ...(i === 1 ? { state: "failed" as const, artifact: null } : {}) }));
    const seeds = [
      { ...structuredClone(data.seeds[0]), stages, evaluation: null, histories: [], data: null } as RunData["seeds"][0],
    ];
    const page = await renderPage({ ...data, run: { ...data.run, state: "failed", failure, stages }, seeds });
    expect(page).toContain("codebook: the disk is full Free some space.");
    expect(page).not.toContain("NaN");
    expect(page).not.toContain("undefined");
  });

  it("shows a run without any stage", async () => {
    const page = await renderPage({
      run: { ...data.run, state: "running", stages: [], seconds: null, ended: null },
      seeds: [],
      artifacts: [],
      problems: [],
    });
    expect(page).toContain("No stage has started.");
  });

  it("names what is damaged or gone, and shows the rest", async () => {
    const evaluate = data.run.stages.find(({ name }) => name === "evaluate")?.artifact as string;
    const { blobs } = await store.manifest(evaluate);
    const at = (name: string) =>
      join(folder, "blobs", blobs[name]?.digest.slice(0, 2) ?? "", blobs[name]?.digest ?? "");
    const [file, picture] = [at("evaluation.json"), at("original-0.png")];
    const before = [readFileSync(file), readFileSync(picture)] as const;
    rmSync(picture);
    expect(await renderReport(store, id)).toMatch(
      /The picture original-0\.png could not be read: .*is not in the store/,
    );
    rmSync(file);
    writeFileSync(file, "{}");
    const page = await renderReport(store, id);
    expect(page).toMatch(/The evaluation could not be read: .*is damaged/);
    expect(page).toContain("What the tokens keep"); // from the other seed
    rmSync(file);
    writeFileSync(file, before[0]);
    writeFileSync(picture, before[1]);
    expect((await gather(store, id)).problems).toEqual([]);
  });

  it("refuses a run that is not there", async () => {
    await expect(renderReport(store, "20260101-000000-zzzz")).rejects.toThrow(ObjectMissing);
  });
});

it("the same store gives the same page", async () =>
  expect(await renderReport(store, id)).toBe(await renderReport(store, id)));

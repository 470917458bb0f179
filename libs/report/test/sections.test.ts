import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gather, type RunData, renderPage } from "../src/index.ts";
import { confusionSection } from "../src/sections/confusion.ts";
import { featuresSection } from "../src/sections/features.ts";
import { curvesSection, pipelineSection } from "../src/sections/pipeline.ts";
import { provenanceSection } from "../src/sections/provenance.ts";
import { resultSection } from "../src/sections/result.ts";
import { triplesSection } from "../src/sections/triples.ts";
import { dataSection } from "../src/sections/your-data.ts";
import { exampleRun } from "./example-run.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-sections-"));
let flat: RunData;
let classes: RunData;
beforeAll(async () => {
  const one = await exampleRun(join(folder, "flat"), { flat: true, pictures: 1 });
  flat = await gather(one.store, one.id);
  const other = await exampleRun(join(folder, "classes"), { classes: ["<b>", "cat", "dog"], pictures: 1 });
  classes = await gather(other.store, other.id);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("your data", () => {
  it("counts pictures by split and class, out of the pack's index", () => {
    expect(classes.seeds[0]?.data).toMatchObject({
      counts: { train: 8192, validation: 1000, test: 4000 },
      labelled: 320,
      classes: [
        { name: "<b>", counts: { train: 2731, validation: 334, test: 1334 } },
        { name: "cat" },
        { name: "dog" },
      ],
    });
    const text = dataSection(classes)?.text ?? "";
    expect(text).toContain("13,192 pictures at 32×32 pixels, 3 classes");
    expect(text).toContain("320 with labels");
    expect(text).toContain("&lt;b&gt;</th><td>2,731</td>");
    expect(text).not.toContain("<b></th>");
  });

  it("names skipped files with reasons, and warns of copies across the split", () => {
    const text = dataSection(flat)?.text ?? "";
    expect(text).toContain('old/IMG &lt;0012&gt;.jpg</th><td class="words">it ends too early');
    expect(text).toContain("2 pictures are on both sides of the split");
    expect(text).toContain("without classes");
  });
});

describe("a run that is not PeCo's", () => {
  it("is not called so, and says what it trained for", async () => {
    const data = structuredClone(classes);
    const pretrained = () => resultSection(data)?.text ?? "";
    const recipe = (target: string) => ({
      pretrain: { target },
      codebook: { source: "vq", loss: { perceptual: 1 } },
      finetune: { steps: 600, fromScratchSteps: 2400 },
    });
    Object.assign(data.run.recipe, { resolved: recipe("tokens") });
    expect(pretrained()).toContain("Pre-trained with PeCo");
    expect(pretrained()).toContain("600 steps, and 2400 from scratch");
    Object.assign(data.run.recipe, { resolved: recipe("pixels") });
    expect(pretrained()).not.toContain("PeCo");
    expect(pipelineSection(data).text).toContain("draws hidden patches");
    expect((await curvesSection(data))?.text).toContain("squared error of hidden patches");
  });
});

describe("a network of somebody else's weights", () => {
  it("is said not to be trained here, and under which licence it is", () => {
    const data = structuredClone(flat);
    const stage = data.seeds[0]?.stages.find(({ name }) => name === "perceptual-network");
    Object.assign(stage?.metrics ?? {}, { steps: 0, images: 0, gflop: 0 });
    const artifact = data.artifacts.find(({ digest }) => digest === stage?.artifact);
    const origin = { preset: "mocov3-vit-b16", digest: "0".repeat(64), licence: "CC BY-NC 4.0 <not for sale>" };
    Object.assign(artifact?.manifest.meta ?? {}, { origin });
    const [pipeline, provenance] = [pipelineSection(data).text, provenanceSection(data).text];
    expect(pipeline).toContain("Perceptual network</strong> <span>is taken as it is: nothing is trained here");
    expect(pipeline).not.toContain("MoCo v3");
    expect(provenance).toContain("weights of mocov3-vit-b16, under CC BY-NC 4.0 &lt;not for sale&gt;");
    expect(provenanceSection(flat).text).not.toContain("CC BY-NC");
    Object.assign(artifact?.manifest.meta ?? {}, { origin: { ...origin, preset: "timm-vit", licence: "unknown" } });
    expect(provenanceSection(data).text).toContain("weights of timm-vit, licence unknown");
  });
});

describe("confusion", () => {
  it("names the commonest mistakes by their share of the class", () => {
    const data = structuredClone(classes);
    for (const arm of data.seeds[0]?.evaluation?.classification?.arms ?? [])
      arm.confusion = [8, 2, 0, 0, 5, 5, 0, 0, 10];
    const text = confusionSection(data)?.text ?? "";
    expect(text).toContain(
      "<em>cat</em> taken for <em>dog</em> (50\u202f% of its pictures); <em>&lt;b&gt;</em> taken for <em>cat</em> (20\u202f%",
    );
    expect(text).toContain("3 classes, 76.7\u202f% on the diagonal");
    expect(text).toContain('<th scope="row">dog</th><td>100.0\u202f%</td>');
  });

  it("is left out without classes", () => expect(confusionSection(flat)).toBeNull());
});

describe("what is in the features", () => {
  it("shows each block's probe, the chosen numbers of neighbours and the code words", async () => {
    const text = (await featuresSection(classes))?.text ?? "";
    expect(text).toContain("pre-trained 27.0\u202f%, 36.0\u202f%, 40.4\u202f%; random weights 17.1");
    expect(text).toContain("fitted by L-BFGS on 4,000 labelled pictures");
    expect(text).toContain("<strong>30.0\u202f%</strong>");
    expect(text).toMatch(/how often each code occurs<small>a count for each code<\/small><\/th><td>20\.0/);
  });

  it("tells the best epoch beside the last where there are several", async () => {
    const data = structuredClone(classes);
    for (const probe of data.seeds[0]?.evaluation?.classification?.probes ?? []) {
      probe.method = "adamw";
      for (const block of probe.blocks)
        block.best = { epoch: 7 + block.block, validation: block.validation, test: 0.123 };
    }
    const text = (await featuresSection(data))?.text ?? "";
    expect(text).toContain("block 3, last epoch");
    expect(text).toContain("best epoch 10, block 3: 12.3\u202f%");
    expect(text).toContain("trained as BEiT's, on augmented pictures");
  });

  it("is left out without classes, and so is what a run has no network for", async () => {
    expect(await featuresSection(flat)).toBeNull();
    const data = structuredClone(classes);
    Object.assign(data.seeds[0]?.evaluation ?? {}, { reconstruction: null, codebook: null, triples: null });
    Object.assign(data.seeds[0]?.evaluation?.classification ?? {}, {
      probes: [],
      nearestNeighbours: [],
      codeWords: null,
    });
    for (const sample of data.seeds[0]?.evaluation?.samples.list ?? [])
      Object.assign(sample, { reconstruction: null, masked: null, prediction: null, attention: [] });
    const page = await renderPage(data);
    for (const id of ["reconstructions", "masked", "attention", "features", "codebook", "near"])
      expect(page).not.toContain(`id="${id}"`);
    expect(page).toContain('id="result"');
  });
});

describe("what counts as near", () => {
  it("shows what each distance says, with its ties, and the triples that blindness loses", () => {
    const text = triplesSection(classes)?.text ?? "";
    expect(text).toMatch(
      /1 pixel, against a blur of σ 1\.0<\/th><td>33\.3\u202f% <small>ties 12\.0\u202f%<\/small><\/td><td>11\.4/,
    );
    expect(text).toMatch(/blur of σ 1\.0, against another picture<\/th><td>97\.0/);
  });

  it("takes the mean over seeds", () => {
    const data = structuredClone(classes);
    const other = structuredClone(data.seeds[0]) as (typeof data.seeds)[number];
    for (const { distances } of other.evaluation?.triples?.settings ?? [])
      Object.assign(distances[0] ?? {}, { score: 0 });
    const text = triplesSection({ ...data, seeds: [...data.seeds, other] })?.text ?? "";
    expect(text).toMatch(/σ 1\.0<\/th><td>16\.7\u202f% <span class="spread">±/);
  });
});

describe("the result", () => {
  it("shows the moving average of the weights, and last and best validation of each network", () => {
    const data = structuredClone(classes);
    for (const arm of data.seeds[0]?.evaluation?.classification?.arms ?? []) {
      arm.averageMean = { top1: 0.777, top5: 0.9, balanced: 0.7 };
      for (const network of arm.networks)
        Object.assign(network, { validation: 0.41, best: { step: 450, validation: 0.432 } });
    }
    const text = resultSection(data)?.text ?? "";
    expect(text).toMatch(/moving average of the weights<\/small><\/th><td>77\.7/);
    expect(text).toContain("<td>41.0\u202f%</td><td>43.2\u202f%<small>450</small></td>");
  });
});

describe("how it was made", () => {
  it("says what each trainer did, by the steps that were timed", () => {
    const data = structuredClone(classes);
    const stage = data.seeds[0]?.stages.find(({ name }) => name === "codebook");
    Object.assign(stage?.metrics ?? {}, {
      steps: 1000,
      images: 64_000,
      gflop: 3000,
      stepSeconds: 30,
      stepsTimed: 500,
      waitShare: 0.0123,
    });
    const text = pipelineSection(data).text;
    expect(text).toContain(
      "1,000 steps · 64,000 pictures · 3,000 GFLOP · 1,067 pictures/s · 50 GFLOP/s · 1.2\u202f% of it waiting for pictures · ",
    );
    expect(text).toContain("7 stages ran in 6 min 41 s.");
  });

  it("says which stages were found finished", () => {
    const data = structuredClone(classes);
    for (const stage of [...data.run.stages, ...(data.seeds[0]?.stages ?? [])])
      Object.assign(stage, { state: "cached" });
    const text = pipelineSection(data).text;
    expect(text).toContain("7 found finished in the store");
    expect(text.match(/<em>from the store<\/em>/g)?.length).toBe(7);
    expect(text).toContain("made in 1 min 32 s · 1,400 steps");
  });
});

describe("learning curves", () => {
  it("describe their ends in words, with the mean over a stage's networks", async () => {
    const data = structuredClone(classes);
    Object.assign(data.seeds[0] ?? {}, {
      histories: [
        {
          stage: "pretrain",
          part: "vit",
          rows: [
            { step: 10, loss: 5.5 },
            { step: 20, loss: 4 },
          ],
        },
        {
          stage: "finetune",
          part: "a",
          rows: [
            { step: 5, loss: 2 },
            { step: 10, loss: 1 },
          ],
        },
        {
          stage: "finetune",
          part: "b",
          rows: [
            { step: 5, loss: 3 },
            { step: 10, loss: 2 },
          ],
        },
      ],
    });
    const text = (await curvesSection(data))?.text ?? "";
    expect(text).toContain("Pre-training, cross-entropy of hidden tokens: from 5.5 to 4 after 20 steps.");
    expect(text).toContain("from 2.5 to 1.5 after 10 steps.");
    expect(text.match(/<svg/g)?.length).toBe(2);
    expect(text).not.toMatch(/aria-roledescription/);
  });
});

it("a value that is not finite is left out of a curve and named nowhere as NaN", async () => {
  const data = structuredClone(classes);
  for (const { stage, rows } of data.seeds[0]?.histories ?? [])
    if (stage === "codebook") Object.assign(rows[3] ?? {}, { loss: Number.NaN });
  expect(await renderPage(data)).not.toContain("NaN");
});

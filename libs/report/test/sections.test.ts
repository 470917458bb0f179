import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gather, type RunData, renderPage } from "../src/index.ts";
import { confusionSection } from "../src/sections/confusion.ts";
import { curvesSection, pipelineSection } from "../src/sections/pipeline.ts";
import { provenanceSection } from "../src/sections/provenance.ts";
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

import { describe, expect, it } from "vitest";
import { planCommand, planDocument, planListDocument } from "./plan.ts";

/** One stage, of a small network: the quickest plan that there is. */
const cheap = {
  recipe: "tiny",
  set: [
    "pretrain.target=pixels",
    "finetune.fromScratchSteps=0",
    "finetune.start=weights",
    "finetune.weights=x.safetensors",
  ],
  gpu: "a100",
  gpus: 1,
  classes: 16,
};
const planned = async (options: Partial<typeof cheap> & { set?: string[]; values?: boolean }) => {
  const { document, text } = await planCommand({ ...cheap, ...options, set: [...cheap.set, ...(options.set ?? [])] });
  return { document: planDocument.parse(document), text };
};

describe("plan", () => {
  it("shows in words what its document says", async () => {
    const { document, text } = await planned({});
    expect(document).toMatchObject({ recipe: "tiny", assumptions: { devices: 1, classes: 16 } });
    expect(document.stages.map(({ stage }) => stage)).toEqual(["finetune"]);
    const [finetune] = document.stages;
    const lines = text.split("\n");
    const row = lines.find((line) => line.startsWith("finetune"));
    expect(row).toContain(`${Number(((finetune?.parameters ?? 0) / 1e6).toPrecision(4))} M`);
    expect(row).toContain(` ${finetune?.batch} `);
    expect(lines).toContain("in all under a minute on 1 x NVIDIA A100 SXM 80 GB");
    expect(text).toContain("30-50 % of a peak of 156 TFLOP/s in float32 each");
    expect(text).not.toContain("This version trains on one device");
    expect(text).not.toContain("pretrain.optimizer.lr");
  });

  it("says that several devices are an outlook, and lists values where it is asked to", async () => {
    const { document, text } = await planned({ gpus: 4, gpu: "v100", values: true });
    expect(text).toContain("This version trains on one device");
    expect(text).toContain("on 4 x NVIDIA V100 SXM2 32 GB");
    const { path, value } = document.values.find((one) => one.path === "finetune.batch") ?? { path: "", value: "" };
    expect(text).toMatch(new RegExp(`^${path} +${value} `, "m"));
  });

  it("is of any pictures, also of more than the recipe would draw", async () => {
    const { document } = await planned({ set: ["finetune.batch=16384", "finetune.microBatch=8"] });
    expect(document.stages[0]).toMatchObject({ batch: 16_384, microBatch: 8 });
  });

  it("says whether each stage fits into a device's memory, and else what would", async () => {
    const { document, text } = await planned({ gpu: "v100", set: ["image.size=512", "finetune.batch=96"] });
    const [stage] = document.stages;
    expect(stage?.memory.totalBytes).toBeGreaterThan(32e9);
    expect(stage?.fit).toMatchObject({ deviceBytes: 32e9, fits: false });
    expect(text).toContain("finetune does not fit: it takes");
    expect(text).toContain(`more than the 32 GB of an NVIDIA V100 SXM2 32 GB: ${stage?.fit.remedy}.`);
    expect((await planned({})).text).toContain("Every stage fits into the 80 GB of an NVIDIA A100 SXM 80 GB");
  });

  it("names the accelerators that there are, and refuses an impossible recipe", async () => {
    await expect(planned({ gpu: "a10" })).rejects.toMatchObject({
      message: 'there is no accelerator "a10" here',
      remedy: "Name one of v100, a100, h100, h200.",
      exitCode: 64,
    });
    await expect(planned({ set: ["image.patch=5"] })).rejects.toThrow("not divisible by a patch of 5");
  });

  it("lists the recipes, each in words", async () => {
    const { recipe: _, ...none } = cheap;
    const { document, text } = await planCommand(none);
    const { recipes } = planListDocument.parse(document);
    expect(recipes.map(({ name }) => name)).toContain("imagenet/peco-vit-b16-300ep");
    for (const { name, what } of recipes) {
      expect(what).not.toBe("");
      expect(text).toContain(`${name} `);
    }
  });
});

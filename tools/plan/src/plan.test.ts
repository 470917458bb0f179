import { loadRecipe } from "@peco/recipes";
import { describe, expect, it } from "vitest";
import { accelerators, type Fleet, plan } from "./index.ts";

const fleet = (devices: number): Fleet => ({
  accelerator: accelerators["a100"] as Fleet["accelerator"],
  devices,
  classes: 16,
});
const of = (name: string, sets: string[] = [], devices = 1) =>
  plan(loadRecipe(name, { sets }).recipe, fleet(devices)).stages;

describe("a plan", () => {
  it("counts the probes of an evaluation where they are trained, on features that are only computed forwards", () => {
    const sets = (...more: string[]) => ["evaluate.probe.method=adamw", ...more];
    const evaluation = (more: string[]) => of("tiny", sets(...more)).filter(({ stage }) => stage === "evaluate");
    const [probes, words] = evaluation([]);
    const { image, vit, evaluate } = loadRecipe("tiny").recipe;
    const { epochs, batch } = evaluate.probe.adamw;
    const patches = (image.size / image.patch) ** 2;
    const [tokens, width] = [patches + 1, vit.width];
    const network = vit.depth * (2 * tokens * 12 * width ** 2 + 4 * tokens ** 2 * width);
    const embedding = 2 * patches * image.patch ** 2 * 3 * width;
    // of a classifier forward, and the gradient of its weights
    const classifiers = 2 * vit.depth * 2 * (2 * width) * 16;
    expect(probes?.part).toBe("probes of two networks");
    expect(probes?.flopsPerImage).toBeCloseTo(network + embedding + classifiers, -1);
    expect(probes?.parameters).toBe(vit.depth * (2 * width + 1) * 16);
    expect(probes?.images).toBe(2 * epochs * Math.floor(evaluate.probe.labels / batch) * batch);
    expect(words).toMatchObject({ part: "code words", precision: "float32", images: (probes?.images ?? 0) / 2 });
    const parts = (...more: string[]) => evaluation(more).map(({ part }) => part);
    expect(parts("pretrain.target=pixels")).toEqual(["probes of two networks"]);
    expect(parts("evaluate.codeWords=false")).toEqual(["probes of two networks"]);
    expect(parts("finetune.start=weights", "finetune.weights=x.safetensors")).toEqual(["probes of two networks"]);
  });

  it("has the stages of the recipe that train", () => {
    const stages = (sets: string[]) => of("tiny", sets).map(({ stage }) => stage);
    expect(stages([])).toEqual(["perceptual-network", "codebook", "pretrain", "finetune", "finetune-from-scratch"]);
    expect(stages(["perceptualNetwork.source=untrained", "finetune.fromScratchSteps=0"])).toEqual([
      "codebook",
      "pretrain",
      "finetune",
    ]);
    expect(stages(["pretrain.target=pixels", "finetune.fromScratchSteps=0"])).toEqual(["pretrain", "finetune"]);
    expect(stages(["codebook.source=feature-kmeans", "finetune.fromScratchSteps=0"])).toEqual([
      "perceptual-network",
      "pretrain",
      "finetune",
    ]);
  });

  it("counts a vision transformer's operations as its formula does", () => {
    const { image, vit, finetune } = loadRecipe("small").recipe;
    const [network] = of("small").filter(({ stage }) => stage === "finetune");
    const patches = (image.size / image.patch) ** 2;
    const [tokens, width] = [patches + 1, vit.width];
    const block = 2 * tokens * 12 * width ** 2 + 4 * tokens ** 2 * width;
    const embedding = 2 * patches * image.patch ** 2 * 3 * width;
    const head = 2 * width * 16;
    // backward is twice forward, except that no gradient goes to the pictures
    expect(network?.flopsPerImage).toBeCloseTo(3 * (vit.depth * block + head) + 2 * embedding, -1);
    expect(network?.images).toBe(finetune.steps * finetune.lrs.length * finetune.repeats * finetune.batch);
  });

  it("divides a batch over devices and micro-batches, which changes memory and not the work", () => {
    const [whole] = of("tiny", ["pretrain.target=pixels"]);
    const [parts] = of("tiny", ["pretrain.target=pixels", "pretrain.microBatch=4"]);
    const [devices] = of("tiny", ["pretrain.target=pixels"], 4);
    expect([whole?.microBatch, parts?.microBatch, devices?.microBatch]).toEqual([16, 4, 4]);
    expect(parts?.flopsPerImage).toBeCloseTo(whole?.flopsPerImage as number, 0);
    expect(parts?.memory.activationBytes).toBeLessThan((whole?.memory.activationBytes as number) / 2);
    expect(parts?.memory.accumulatorBytes).toBe(4 * (parts?.parameters as number));
    expect([whole?.memory.accumulatorBytes, devices?.memory.accumulatorBytes]).toEqual([0, 0]);
    expect(devices?.days.low).toBeCloseTo((whole?.days.low as number) / 4, 12);
  });

  it("knows networks of others by their shapes", () => {
    const sets = [
      "perceptualNetwork.source=weights",
      "perceptualNetwork.weights=x.safetensors",
      "finetune.fromScratchSteps=0",
    ];
    const vit = of("small", [...sets, "perceptualNetwork.preset=deit-vit-b16"]).find(
      ({ stage }) => stage === "codebook",
    );
    // 86 million parameters that are held, four bytes each
    expect(vit?.memory.stateBytes).toBeGreaterThan(85e6 * 4);
    const vgg = of("small", [
      ...sets,
      "perceptualNetwork.preset=vgg16",
      "codebook.loss.layers=[1, 2, 3, 4, 5]",
      "codebook.loss.norm=none",
    ]).find(({ stage }) => stage === "codebook");
    expect(vgg?.memory.stateBytes).toBeGreaterThan(14.7e6 * 4);
    expect(vgg?.memory.stateBytes).toBeLessThan(20e6 * 4);
    const dalle = of("small", [
      "codebook.source=dall-e",
      "codebook.size=8192",
      "codebook.weights=x.safetensors",
      "finetune.fromScratchSteps=0",
    ])[0];
    // DALL-E's encoder has 53.8 million parameters
    expect(dalle?.memory.stateBytes).toBeGreaterThan(53e6 * 4);
  });

  it("compares a stage with a device's memory, and names values with which it fits", () => {
    const from = ["finetune.start=weights", "finetune.weights=x.safetensors", "finetune.fromScratchSteps=0"];
    const on = (memoryBytes: number, ...sets: string[]) => {
      const accelerator = { ...fleet(1).accelerator, memoryBytes };
      const { recipe } = loadRecipe("tiny", { sets: [...from, "finetune.batch=64", ...sets], source: "folder" });
      return plan(recipe, { ...fleet(1), accelerator }).stages[0];
    };
    const whole = on(1e12);
    const { totalBytes = 0, stateBytes = 0, activationBytes = 0 } = whole?.memory ?? {};
    expect(whole?.fit).toEqual({ deviceBytes: 1e12, fits: true, remedy: null });
    const enough = stateBytes + 4 * (whole?.parameters ?? 0) + activationBytes / 3;
    const short = on(enough)?.fit;
    expect(totalBytes).toBeGreaterThan(enough);
    expect(short).toMatchObject({ fits: false });
    expect(short?.remedy).toMatch(/^set finetune\.microBatch=16, or set runtime\.recompute=blocks/);
    expect(on(enough, "finetune.microBatch=16")?.fit.fits).toBe(true);
    expect(on(enough, "finetune.microBatch=32")?.fit.fits).toBe(false);
    expect(on(totalBytes - 1, "runtime.recompute=blocks")?.fit.fits).toBe(true);
    expect(on(stateBytes)?.fit.remedy).toMatch(/^its state alone is too large: take an accelerator with more memory/);
    // its loss needs the whole batch at once
    const sets = ["codebook.loss.balance=first-step", "evaluate.probe.labels=64"];
    const { recipe } = loadRecipe("tiny", { sets });
    const [, codebook] = plan(recipe, {
      ...fleet(1),
      accelerator: { ...fleet(1).accelerator, memoryBytes: 3e6 },
    }).stages;
    expect(codebook?.stage).toBe("codebook");
    expect(codebook?.fit.remedy).toMatch(/^divide codebook\.batch over more devices/);
  });
});

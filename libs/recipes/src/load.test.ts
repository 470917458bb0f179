import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { RecipeError, type RecipeProblem } from "./errors.ts";
import { recipeNames } from "./layers.ts";
import { checkRecipe, loadRecipe } from "./load.ts";
import { recipePaths } from "./shape.ts";
import type { Plain } from "./tree.ts";

function file(text: string, name = "my.yaml"): string {
  const folder = mkdtempSync(join(tmpdir(), "peco-recipe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

function refusal(load: () => unknown): RecipeError {
  try {
    load();
  } catch (error) {
    if (error instanceof RecipeError) return error;
    throw error;
  }
  return expect.unreachable("it was not refused");
}

const problems = (...sets: string[]): readonly RecipeProblem[] => refusal(() => loadRecipe("small", { sets })).problems;
const problem = (...sets: string[]): string[] => problems(...sets).map(({ path, reason }) => `${path}: ${reason}`);

describe("a recipe by name", () => {
  it.each(recipeNames())("is whole: %s", (name) => {
    const loaded = loadRecipe(name);
    expect(loaded).toMatchObject({ name, sets: [] });
    expect(checkRecipe(JSON.parse(JSON.stringify(loaded.recipe)))).toEqual(loaded.recipe);
  });

  it("holds what sets it apart, and from small the rest", () => {
    const [small, tiny, laptop] = ["small", "tiny", "laptop"].map((name) => loadRecipe(name).recipe);
    expect(recipeNames().slice(0, 3)).toEqual(["laptop", "small", "tiny"]);
    expect(tiny?.codebook.optimizer).toEqual(small?.codebook.optimizer);
    expect(tiny?.codebook.loss).toEqual({ ...small?.codebook.loss, layers: [2] });
    expect(laptop?.image).toEqual({ ...small?.image, size: 64 });
  });

  it("that is mistyped gets the nearest name, and the list", () => {
    const error = refusal(() => loadRecipe("labtop"));
    expect(error).toMatchObject({ exitCode: 64, message: 'there is no recipe "labtop", did you mean "laptop"?' });
    expect(error.remedy).toContain("laptop, small, tiny");
    expect(refusal(() => loadRecipe("zzz")).message).toBe('there is no recipe "zzz"');
  });
});

describe("a recipe of the user's own", () => {
  it("extends a named one or a file beside it", () => {
    const base = file("extends: small\npretrain: { steps: 7 }\n", "base.yaml");
    writeFileSync(join(base, "../mine.yml"), "extends: ./base.yaml\npretrain: { batch: 32 }\n");
    const { name, recipe } = loadRecipe(join(base, "../mine.yml"));
    expect(name).toBe("mine");
    expect(recipe.pretrain).toMatchObject({ steps: 7, batch: 32 });
    expect(recipe.codebook).toEqual(loadRecipe("small").recipe.codebook);
  });

  it("is refused with the line of each fault", () => {
    const path = file("extends: small\npretrain:\n  steps: many\n  mask:\n    cuont: 3\nvit: 5\n");
    expect(refusal(() => loadRecipe(path)).problems).toEqual([
      { path: "vit", reason: expect.stringMatching(/^must be a map with width, depth, .* not 5$/), from: "my.yaml:6" },
      { path: "pretrain.steps", reason: 'must be a number, not "many"', from: "my.yaml:3" },
      { path: "pretrain.mask.cuont", reason: 'unknown key, did you mean "pretrain.mask.count"?', from: "my.yaml:5" },
    ]);
  });

  it("that is not whole says what is missing", () => {
    const { problems } = refusal(() => loadRecipe(file("image: { size: 32, patch: 8 }\n")));
    expect(problems[0]).toEqual({
      path: "image.mean",
      reason: "is missing; `extends: small` takes what is not given from there",
      from: "my.yaml:1",
    });
    expect(problems.map(({ path }) => path)).toContain("pretrain");
  });

  it("is refused when it is no YAML, names a key twice, is a list, or is empty", () => {
    expect(refusal(() => loadRecipe(file("a: [1,\nb: 2"))).message).toMatch(/is not YAML:\n.*\(my\.yaml:\d\)/);
    expect(refusal(() => loadRecipe(file("vit: {}\nvit: {}"))).message).toContain(
      "Map keys must be unique (my.yaml:2)",
    );
    expect(refusal(() => loadRecipe(file("- 1"))).message).toContain("must be a map");
    expect(refusal(() => loadRecipe(file(""))).message).toContain("is missing");
  });

  it("is refused when it is not there, may not be read, or extends itself", () => {
    expect(refusal(() => loadRecipe("./nowhere.yaml"))).toMatchObject({
      exitCode: 64,
      message: expect.stringContaining("there is no recipe file /"),
    });
    const loop = file("extends: ./my.yaml\n");
    expect(refusal(() => loadRecipe(loop)).remedy).toContain("my.yaml -> my.yaml");
    expect(refusal(() => loadRecipe(file("extends: smal\n"))).message).toContain('did you mean "small"?');
    expect(refusal(() => loadRecipe(file("extends: 3\n"))).problems[0]).toMatchObject({
      path: "extends",
      from: "my.yaml:1",
    });
    const secret = file("");
    chmodSync(secret, 0o000);
    if (process.getuid?.() !== 0) expect(refusal(() => loadRecipe(secret)).message).toContain("EACCES");
  });

  it("cannot reach into what all objects inherit", () => {
    const { problems } = refusal(() =>
      loadRecipe(file("extends: small\n__proto__: { polluted: 1 }\nconstructor: 1\n")),
    );
    expect(problems.map(({ path }) => path).sort()).toEqual(["__proto__", "constructor"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBe(undefined);
  });
});

describe("--set", () => {
  it("changes one value, a list, or a place in one, the last one winning", () => {
    const sets = [
      "pretrain.steps=10",
      "codebook.loss.layers=[3]",
      "pretrain.optimizer.betas.1=0.95",
      "pretrain.steps=20",
      "pretrain.optimizer.clip=null",
    ];
    const { recipe, sets: kept } = loadRecipe("small", { sets });
    expect(recipe.pretrain).toMatchObject({ steps: 20, optimizer: { betas: [0.9, 0.95], clip: null } });
    expect(recipe.codebook.loss.layers).toEqual([3]);
    expect(kept).toEqual(sets);
  });

  it("of a mistyped path gets the nearest name, or the places that have it", () => {
    expect(problem("pretrain.stps=1")).toEqual(['pretrain.stps: unknown key, did you mean "pretrain.steps"?']);
    expect(problem("pretrian.steps=1")).toEqual(['pretrian: unknown key, did you mean "pretrain"?']);
    expect(problem("minBlock=1")).toEqual(['minBlock: unknown key, did you mean "pretrain.mask.minBlock"?']);
    expect(problem("codebook.adversarial={start: 1, weight: 1, channels: 8, layers: 1}")).toEqual([
      "codebook.adversarial.startStep: is missing; codebook.adversarial is null or has all of weight, startStep, channels, layers",
      'codebook.adversarial.start: unknown key, did you mean "codebook.adversarial.startStep"?',
    ]);
    expect(problem("pretrain.zzzzz=1")[0]).toContain(
      "known here: target, steps, batch, microBatch, lossMean, mask, optimizer, views",
    );
    expect(problems("pretrain.stps=1")[0]?.from).toBe("--set pretrain.stps=1");
  });

  it("of a wrong form or a wrong type is refused", () => {
    for (const text of ["pretrain.steps", "=1", "pretrain.steps=", "a b=1"])
      expect(refusal(() => loadRecipe("small", { sets: [text] })).message).toContain("is not of the form path=value");
    expect(refusal(() => loadRecipe("small", { sets: ["pretrain.steps=[1"] })).message).toContain("is not YAML");
    expect(problem("pretrain.steps=1.5")).toEqual(["pretrain.steps: must be a whole number, not 1.5"]);
    expect(problem("pretrain.steps=0")).toEqual(["pretrain.steps: must be at least 1, not 0"]);
    expect(problem("pretrain.mask.form=some")).toEqual([
      'pretrain.mask.form: must be at-most or exactly or random, not "some"',
    ]);
    expect(problem("pretrain.optimizer.lr=.nan")[0]).toContain("pretrain.optimizer.lr: must be a number");
    expect(problem("pretrain.optimizer.lr=.inf")).toHaveLength(1);
    expect(problem("image.mean=[0.5]")[0]).toContain("image.mean: ");
    expect(problem("finetune.lrs=[]")).toEqual(["finetune.lrs: must have at least 1 entries, not []"]);
    expect(problem("codebook.views.crop.area=[1, 0.4]")).toEqual([
      "codebook.views.crop.area: the first number is larger than the second: [1,0.4]",
    ]);
    expect(problem("pretrain.views.flip=1.5")).toEqual(["pretrain.views.flip: must be at most 1, not 1.5"]);
  });

  it("of any value at any path is taken or refused with a path, never anything else", () => {
    const value = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.constantFrom("null", "{}", "[]", "x", "[1, 2]", "~", "true", "'", "&a *a", "!!js x", "- 1"),
    );
    fc.assert(
      fc.property(fc.constantFrom(...recipePaths()), value, (path, value) => {
        try {
          loadRecipe("tiny", { sets: [`${path}=${value}`] });
        } catch (error) {
          expect(error).toBeInstanceOf(RecipeError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("impossible combinations", () => {
  it.each<[string[], string]>([
    [["image.size=30"], "image.patch: 30 pixels are not divisible by a patch of 8"],
    [
      ["image.patch=16", "pretrain.mask.count=2", "pretrain.mask.minBlock=1"],
      "codebook.channels: a token stands for 8 pixels, but a patch has 16: tokens and masks share a grid only where the tokenizer sees 16 pixels, which codebook.pictureSize=16 would say",
    ],
    [["vit.heads=5"], "vit.heads: a width of 64 is not divisible by 5 heads"],
    [["vit.width=66", "vit.heads=2"], "vit.width: 66 is not divisible by 4, which sincos positions need"],
    [["vit.mlpRatio=2.3"], "vit.mlpRatio: 2.3 times the width of 64 is no whole number"],
    [["pretrain.mask.count=16"], "pretrain.mask.count: 16 of 4x4 patches leave nothing to predict from"],
    [
      ["pretrain.mask.minBlock=7"],
      "pretrain.mask.minBlock: a block of at least 7 patches does not fit into 6 masked ones",
    ],
    [
      ["image.size=16", "pretrain.mask.count=3", "pretrain.mask.minBlock=3"],
      "pretrain.mask.minBlock: no block of 3 patches is smaller than the grid of 2x2 both ways",
    ],
    [["vit.depth=2"], "codebook.loss.layers: 3 lies beyond the 2 blocks of the perceptual network"],
    [["codebook.loss.layers=[2, 2]"], "codebook.loss.layers: a layer is named twice"],
    [
      ["codebook.loss.pixel=0", "codebook.loss.perceptual=0"],
      "codebook.loss.perceptual: it and codebook.loss.pixel are 0: nothing is left to learn from",
    ],
    [["codebook.size=2000"], "codebook.size: dead codes start anew at vectors of a batch, which has 1024 and not 2000"],
    [["finetune.batch=31", "finetune.cutmix=1"], "finetune.batch: mixup and cutmix pair pictures, and 31 is odd"],
    [["finetune.lrs=[0.1, 0.1]"], "finetune.lrs: a learning rate is named twice"],
    [["data.generated.labelled=9000"], "data.generated.labelled: 9000 labelled pictures cannot be among 8192"],
    [
      ["data.folder.labelledShare=0.1", "data.folder.labelsFile=1percent.txt"],
      "data.folder.labelledShare: data.folder.labelsFile already says which labels are used: one of the two has to be left out",
    ],
    [["data.generated.test=5"], "evaluate.pictures: there are only 5 test pictures to show"],
    [["pretrain.batch=9000"], "pretrain.batch: a batch of 9000 needs more than the 8192 pictures there are"],
    [
      ["codebook.attention=true"],
      "codebook.attention: plain blocks have no attention: codebook.blocks has to be vqgan",
    ],
    [
      ["codebook.blocks=vqgan", "codebook.residualBlocks=0"],
      "codebook.residualBlocks: VQGAN's blocks change the channels: at least 1 is needed",
    ],
    [
      ["codebook.unitLength=true", "codebook.smoothing=1e-5"],
      "codebook.smoothing: only codes that are sums over counts are smoothed, which learned codes and codes of length 1 are not: 0",
    ],
    [
      ["codebook.microBatch=32", "codebook.loss.balance=first-step"],
      "codebook.microBatch: the balance is a ratio of the whole first batch's losses, which its first part does not know",
    ],
    [
      ["codebook.loss.layerWeights=[0, 0]"],
      "codebook.loss.layerWeights: all layers weigh nothing: codebook.loss.perceptual=0 leaves the perceptual loss out",
    ],
    [
      ["codebook.source=dall-e", "codebook.weights=a.safetensors"],
      "codebook.size: DALL-E's encoder has 8192 codes and not 256",
    ],
    [["codebook.weights=a.safetensors"], "codebook.weights: codebook.source is vq, so that no weights would be read"],
    [
      ["finetune.weights=a.safetensors"],
      "finetune.weights: finetune.start is pretrained, so that no weights would be read",
    ],
    [
      [
        "perceptualNetwork.vit={width: 64, depth: 3, heads: 4, mlpRatio: 4, positions: sincos, init: xavier, layerScale: 0, keyBias: true, dropPath: 0.1}",
      ],
      "perceptualNetwork.vit.dropPath: MoCo v3 leaves no branch out, and what is compared is frozen: 0",
    ],
    [["finetune.batch=500"], "finetune.batch: a batch of 500 needs more than the 320 labelled pictures there are"],
  ])("%j", (sets, expected) => {
    expect(problem(...sets)).toEqual([expected]);
  });

  const patch16 = ["image.patch=16", "pretrain.mask.count=2", "pretrain.mask.minBlock=1"];
  it.each<[string, string[]]>([
    ["a token's pixels", patch16],
    ["the size of the tokenizer's pictures", [...patch16, "codebook.pictureSize=20"]],
    ["latents in a batch", ["codebook.size=2000"]],
    ["compared layers", ["vit.depth=2"]],
  ])("say nothing about %s where no tokens are predicted", (_, sets) => {
    expect(problem(...sets)).toEqual([expect.stringMatching(/^codebook\./)]);
    for (const without of [
      ["pretrain.target=pixels"],
      ["finetune.start=perceptual-network"],
      ["finetune.start=weights", "finetune.weights=a.safetensors"],
    ])
      expect(() => loadRecipe("small", { sets: [...sets, ...without] })).not.toThrow();
  });

  it.each([[["pretrain.mask.minBlock=7"]], [["image.size=16", "pretrain.mask.count=3", "pretrain.mask.minBlock=3"]]])(
    "say nothing about blocks where single patches are masked: %j",
    (sets) => {
      for (const form of ["at-most", "exactly"])
        expect(problem(...sets, `pretrain.mask.form=${form}`)).toEqual([
          expect.stringMatching(/^pretrain\.mask\.minBlock: /),
        ]);
      const { recipe } = loadRecipe("small", { sets: [...sets, "pretrain.mask.form=random"] });
      expect(recipe.pretrain.mask.form).toBe("random");
    },
  );

  it("say nothing about the number of pictures of a folder", () => {
    const sets = ["data.generated.train=100", "data.generated.labelled=100", "data.generated.test=1"];
    expect(
      loadRecipe("small", { sets: [...sets, "pretrain.batch=9000"], source: "folder" }).recipe.pretrain.batch,
    ).toBe(9000);
    expect(problem(...sets, "pretrain.batch=9000").length).toBeGreaterThan(1);
  });

  it("are all listed at once, beside what else is wrong", () => {
    const error = refusal(() =>
      loadRecipe("small", { sets: ["image.size=30", "vit.heads=5", "pretrain.steps=no", "evaluate.x=1"] }),
    );
    expect(error.message.split("\n")).toEqual([
      "the recipe cannot be used:",
      '  pretrain.steps: must be a number, not "no" (--set pretrain.steps=no)',
      "  evaluate.x: unknown key; known here: batch, probe, knn, codeWords, triples, pictures (--set evaluate.x=1)",
      expect.stringContaining("  image.patch: 30 pixels are not divisible by a patch of 8 (small.yaml:"),
      "  vit.heads: a width of 64 is not divisible by 5 heads (--set vit.heads=5)",
    ]);
    expect(error).toMatchObject({ exitCode: 64, path: "pretrain.steps" });
  });

  it("leave out what depends on a value of a wrong type", () => {
    expect(problem("image.size=x")).toEqual(['image.size: must be a number, not "x"']);
    expect(refusal(() => checkRecipe({ image: 3 } as unknown as Plain)).problems[0]?.path).toBe("image");
    expect(refusal(() => checkRecipe(null)).exitCode).toBe(64);
  });
});

import { loadRecipe } from "@peco/recipes";
import { countFlops, decodeSafetensors } from "tfjs-libtensorflow";
import { beforeAll, describe, expect, it } from "vitest";
import type { Case } from "./case.ts";
import { own, variantOf, weightsFile } from "./competitor.ts";
import { programOf } from "./measure.ts";
import { stageCases } from "./stage-cases.ts";

const { recipe } = loadRecipe("tiny");
let cases: Case[];
beforeAll(async () => {
  cases = await stageCases(recipe);
});

const named = (name: string) => cases.find((each) => each.name === name) as Case;

describe("the trainers' steps", () => {
  it("are traced, in the recipe's batches", async () => {
    expect(cases.map(({ name }) => name)).toEqual(["perceptual-network", "codebook", "pretrain", "finetune"]);
    for (const which of cases) expect(countFlops(await programOf(which, "bfloat16"))).toBeGreaterThan(1e6);
    expect(named("finetune").images).toBe(recipe.finetune.batch);
  });

  it("start from the same again, for peers as well", async () => {
    const [first, second] = [await weightsFile(named("pretrain")), await weightsFile(named("pretrain"))];
    expect(Buffer.from(first).equals(Buffer.from(second))).toBe(true);
    const { tensors } = decodeSafetensors(first);
    const names = Object.keys(tensors);
    for (const name of ["model.head.weight", "batch.data.mask", "batch.hyper.lr", "frozen.codebook.vectors"])
      expect(names).toContain(name);
    expect(names.filter((name) => name.startsWith("slots."))).toEqual([]);
    const side = recipe.image.size / recipe.image.patch;
    expect(tensors["frozen.positions"]?.shape).toEqual([1, side ** 2, recipe.vit.width]);
  });

  it("show the perceptual network each picture and its mirror image", () => {
    const { view1, view2 } = (
      named("perceptual-network").batch() as unknown as { data: Record<string, { data: Uint8Array }> }
    ).data;
    const last = recipe.image.size - 1;
    expect([...(view2?.data.slice(0, 3) ?? [])]).toEqual([...(view1?.data.slice(3 * last, 3 * last + 3) ?? [])]);
  });

  it("learn, compiled and run operation by operation alike, and say what they spend outside", async () => {
    await using compiled = own(variantOf(recipe.runtime), named("finetune"));
    await using eager = own("eager-f32", named("finetune"));
    const { loss: first } = await compiled.run(1);
    const { loss, outsideShare } = await compiled.run(4);
    expect(loss).toBeLessThan(first);
    expect((await eager.run(5)).loss).toBeCloseTo(loss, 3);
    expect(outsideShare).toBeGreaterThan(0);
    expect(outsideShare).toBeLessThan(1);
  });
});

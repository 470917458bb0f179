import type { ReproducibilityCard } from "@peco/report";
import { describe, expect, it } from "vitest";
import type { Experiment } from "../run/experiment.ts";
import { checkInputs, checkSets, OtherPictures, OtherWeights, uncheckedRemarks } from "./check-inputs.ts";

const digest = (letter: string) => letter.repeat(64);
const weights = {
  stage: "codebook",
  key: "codebook.weights",
  path: "dall-e.safetensors",
  digest: digest("b"),
  preset: "dall-e",
  licence: "MIT",
};
const card = {
  format: 2,
  data: { source: "/pictures" },
  inputs: { folder: digest("a"), weights: [weights], given: [] },
} as unknown as ReproducibilityCard;
const found = (folder: string, file: string) =>
  ({
    folder: { digest: digest(folder) },
    data: "/pictures",
    weights: new Map([["codebook", { path: "/files/dall-e.safetensors", digest: digest(file) }]]),
  }) as unknown as Experiment;

describe("what a card's run took from outside", () => {
  it("is found to be the same", () => {
    expect(checkInputs(card, found("a", "b"))).toEqual([
      "pictures: the same names and contents, /pictures",
      "weights of codebook: the same file, /files/dall-e.safetensors",
    ]);
    expect(uncheckedRemarks(card)).toEqual([]);
  });

  it("is refused where it is something else", () => {
    expect(() => checkInputs(card, found("c", "b"))).toThrow(OtherPictures);
    expect(() => checkInputs(card, found("a", "c"))).toThrow(OtherWeights);
    expect(() => checkInputs(card, found("a", "c"))).toThrow(
      /dall-e\.safetensors, are not those of the card \(dall-e\)/,
    );
    expect(() => checkInputs(card, { ...found("a", "b"), weights: new Map() })).toThrow(OtherWeights);
  });

  it("of an earlier card cannot be told, which is said", () => {
    const { inputs: _, ...old } = card;
    expect(checkInputs({ ...old, format: 1 }, found("c", "c"))).toEqual([]);
    expect(uncheckedRemarks({ ...old, format: 1 })).toEqual([expect.stringContaining("the card is of format 1")]);
  });

  it("may lie elsewhere, and nothing else of the recipe may change", () => {
    checkSets(["codebook.weights=/elsewhere", "data.folder.labelsFile=/labels.txt"]);
    expect(() => checkSets(["codebook.steps=3"])).toThrow("--set codebook.steps=3 would be another run");
  });
});

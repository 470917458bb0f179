import type { Recipe } from "../schema.ts";
import { usesTokenizer } from "../uses-tokenizer.ts";
import { type Rule, says } from "./rule.ts";

/** How many blocks of the perceptual network there are whose features can be compared. */
export function perceptualLayers({ vit, perceptualNetwork: own }: Recipe): number {
  if (own.source !== "weights") return (own.vit ?? vit).depth;
  return own.preset === "vgg16" ? 5 : 12;
}

/** Pixels along a side of the pictures that the perceptual network may see. */
function seenSizes({ image, codebook, pretrain, finetune }: Recipe): number[] {
  const compared = usesTokenizer({ finetune, pretrain }) && codebook.source !== "dall-e";
  const sizes = [
    image.size,
    compared ? codebook.pictureSize : null,
    finetune.start === "perceptual-network" ? finetune.pictureSize : null,
  ];
  return sizes.filter((size) => size !== null);
}

/** Where the perceptual network comes from. */
export const perceptualNetworkRules: readonly Rule[] = [
  ...(["preset", "weights"] as const).map(
    (key): Rule => ({
      paths: [`perceptualNetwork.${key}`, "perceptualNetwork.source"],
      problem: ({ perceptualNetwork: own }) =>
        own.source === "weights"
          ? says(
              own[key] === null,
              `perceptualNetwork.source is weights, which needs a ${key === "preset" ? "preset" : "file"}`,
            )
          : says(own[key] !== null, `perceptualNetwork.source is ${own.source}, so that no weights would be read`),
    }),
  ),
  {
    paths: ["perceptualNetwork.vit", "perceptualNetwork.source"],
    problem: ({ perceptualNetwork: own }) =>
      says(own.source === "weights" && own.vit !== null, "the preset says the shape of weights that are read: null"),
  },
  {
    paths: ["perceptualNetwork.vit.dropPath", "perceptualNetwork.vit"],
    problem: ({ perceptualNetwork: { vit } }) =>
      says(vit !== null && vit.dropPath > 0, "MoCo v3 leaves no branch out, and what is compared is frozen: 0"),
  },
  {
    paths: ["codebook.loss.norm", "perceptualNetwork.preset"],
    problem: (r) =>
      says(
        r.perceptualNetwork.preset === "vgg16" && r.codebook.loss.norm !== "none",
        "VGG-16's features are normalised and weighed as LPIPS does it, which another norm would undo: none",
      ),
  },
  {
    paths: [
      "perceptualNetwork.preset",
      "image.size",
      ...["codebook.pictureSize", "codebook.source", "pretrain.target"],
      ...["finetune.pictureSize", "finetune.start"],
    ],
    problem: (r) => {
      const { preset } = r.perceptualNetwork;
      const uneven = preset === null || preset === "vgg16" ? undefined : seenSizes(r).find((size) => size % 16 !== 0);
      return says(uneven !== undefined, `its patches have 16 pixels, which do not divide pictures of ${uneven}`);
    },
  },
  {
    paths: ["finetune.start", "perceptualNetwork.preset"],
    problem: (r) =>
      says(
        r.perceptualNetwork.preset === "vgg16" && r.finetune.start === "perceptual-network",
        "VGG-16 is no vision transformer, which fine-tuning needs",
      ),
  },
];

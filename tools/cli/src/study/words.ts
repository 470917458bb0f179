import type { StudyResults } from "./results.ts";

const figures: Readonly<Record<string, string>> = {
  top1: "top-1",
  balanced: "balanced accuracy",
  otherTop1: "top-1, other style",
  otherBalanced: "balanced accuracy, other style",
  probe: "linear probe",
  otherProbe: "linear probe, other style",
  neighbours: "nearest neighbours",
  bag: "bag of codes, linear",
  embeddings: "codes' embeddings, linear",
  latents: "latents, linear",
};

const emoji = [
  "",
  "Emoji of npm's `emoji-datasource-google` and `emoji-datasource-twitter` 16.0.0 (free artwork), drawn on white at 32 pixels: the base",
  "emoji of both, without skin tones, without the group Component, without those that another one made obsolete and without those that",
  "look like another to the byte. The split is by emoji (60 % train, 10 % validation, 30 % test in each class): pre-training sees the",
  "training emoji in both styles and no test emoji in any, fine-tuning uses the labels of Google's style, and the test emoji are tested",
  "in Google's style and in the other one, Twitter's. Emoji that differ little, such as a woman and a man of one occupation, count as",
  "different ones and may stand on both sides of the split.",
];

/** What the page of a study says in sentences. */
export const words = {
  /** A figure's name for a reader. */
  figure: (name: string): string => figures[name] ?? name,

  question: (study: string): string[] =>
    study === "generated"
      ? [
          "The paper's claim in the small: tokens from an autoencoder that is trained by a perceptual network's features pre-train a",
          "vision transformer better than tokens from the same autoencoder trained by its pixels' error. Pictures of 32 pixels, 16",
          "classes, made so that most of the pixels' variance (colour, light, background) says nothing about the class.",
        ]
      : [
          "The same arms on real pictures: tokens from an autoencoder that is trained by a perceptual network's features, against tokens",
          "from the same autoencoder trained by its pixels' error. Nothing was promised here; this is what was seen.",
          ...(study === "emoji" ? emoji : []),
        ],

  columns: ({ study }: StudyResults): string[] => [
    "Mean ± sample deviation over the seeds, on the test pictures. Top-1 is the mean of the fine-tuned networks of the learning rate",
    "that was better on validation; the probe (all labels of its set, best block on validation) and the tokens' linear evaluation are",
    `of frozen networks.${study === "generated" ? "" : " Balanced accuracy is the mean over the classes."}`,
    ...(study === "emoji"
      ? ["The probe learns from the labels of both styles, the probe for the other style from Google's alone."]
      : []),
  ],

  cost: (_: StudyResults): string[] => [
    "TFLOP for a seed, counted from the compiled programs (2 for a multiply-add), at the first label budget. Fine-tuning is that of all",
    "networks that were tried; what arms share is counted for each of them. Time is the sum of the stages' own, one thread each.",
  ],

  pairing: ({ seeds }: StudyResults): string[] => [
    "## Pairing",
    "",
    `All arms of a seed (${seeds.join(", ")}) are compared with each other, so that what a seed draws is the same for all of them:`,
    "",
    "- **Pictures**: one `data` artifact for each seed (for a folder one for all), the same digest in all arms.",
    "- **Labels**: alike in number for each class, chosen by the pictures' own hashes; the smaller budget's lie within the larger one's.",
    "- **Perceptual network**: one for each seed; the same artifact is PeCo's loss, the source of the k-means tokens and the arm that fine-tunes it.",
    "- **Initial weights**: of each stage drawn from the seed and the stage's name alone, so the autoencoder, the transformer before",
    "  masked modelling and the classifier's head start alike in all arms where their shapes are alike.",
    "- **Crops, flips, masks and the order of pictures**: sample i of step s draws from (seed, stage, s, i), never from the arm. Arms with",
    "  more steps begin with the same ones. Training from scratch is a stage of its own name, so its batches are in another order.",
    "- **Fine-tuning**: two networks for each of two learning rates; repeat r of all arms has the same head, order and crops.",
    "- **Validation** (pictures of their own) chooses the learning rate and the probe's block. The test pictures were evaluated once, by",
    "  the stage `evaluate`, after everything was chosen. The recipe's sizes and weights were chosen on other seeds (1 to 4).",
    "",
  ],
};

import { kindOf, type StudyResults } from "./results.ts";

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
  "Emoji of npm's `emoji-datasource-google` and `emoji-datasource-twitter` 16.0.0 (free artwork), drawn on white at 32 pixels: 1,836, which",
  "are the 1,906 base emoji of both (without skin tones, without the group Component) less 36 that another one made obsolete and 34 whose",
  "picture in either style is, to the byte, that of one before it. The split is by emoji (60 % train, 10 % validation, 30 % test in each class): pre-training sees the",
  "training emoji in both styles and no test emoji in any, fine-tuning uses the labels of Google's style, and the test emoji are tested",
  "in Google's style and in the other one, Twitter's. Emoji that differ little, such as a woman and a man of one occupation, count as",
  "different ones and may stand on both sides of the split.",
];

function probeLabels({ pictures }: StudyResults): string {
  const count = pictures?.probeLabels;
  return count === undefined
    ? "the first training pictures (`evaluate.probe.labels`)"
    : `the first ${count.toLocaleString("en")} training pictures`;
}

/** Which labels fine-tuning has. */
function labels({ budgets }: StudyResults): string {
  const numbers = budgets.filter((budget) => budget !== null);
  if (numbers.length === 0) return "all labels of the training pictures that have any, the same in all arms.";
  const within = budgets.length > 1 ? "; the smaller budget's lie within the larger one's" : "";
  return `alike in number for each class as far as it has so many, chosen by the pictures' own hashes${within}.`;
}

/** Words of code with commas between, in a text that is left out where there are none. */
export function quoted(codes: readonly string[], before: string, after = ""): string {
  return codes.length === 0 ? "" : `${before}${codes.map((code) => `\`${code}\``).join(", ")}${after}`;
}

/** What the page of a study says in sentences. */
export const words = {
  /** A figure's name for a reader. */
  figure: (name: string): string => figures[name] ?? name,

  /** A heading that tells a study from others on the same pictures. */
  title: (results: StudyResults): string => {
    const on = kindOf(results) === "generated" ? "" : ` on ${results.study}`;
    return `The study${on}${quoted(results.recipe.sets, " with ")}`;
  },

  /** The commands that carry a study out and write its page. @param file its results, as the page sees them */
  madeBy: (results: StudyResults, file: string): string => {
    const kind = kindOf(results);
    const data = kind === "generated" ? "" : ` --data ${kind === "emoji" ? kind : "DIR"}`;
    return `Made by \`./peco study${data}\`, at first from the seeds that were finished and again as others are. The figures of every seed are in [${file}](${file}); \`./peco study report --results FILE\` writes this page anew from them.`;
  },

  question: (results: StudyResults): string[] =>
    kindOf(results) === "generated"
      ? [
          "The paper's claim in the small: tokens from an autoencoder that is trained by a perceptual network's features pre-train a",
          "vision transformer better than tokens from the same autoencoder trained by its pixels' error. Pictures of 32 pixels, 16",
          "classes, made so that most of the pixels' variance (colour, light, background) says nothing about the class.",
        ]
      : [
          "The same arms on real pictures: tokens from an autoencoder that is trained by a perceptual network's features, against tokens",
          "from the same autoencoder trained by its pixels' error. Nothing was promised here; this is what was seen.",
          ...(kindOf(results) === "emoji" ? emoji : []),
        ],

  columns: (results: StudyResults): string[] => [
    "Mean ± sample deviation over the seeds, on the test pictures. Top-1 is the mean of the fine-tuned networks of the learning rate",
    "that was better on validation. The probe, the nearest neighbours and the tokens' linear evaluation are of frozen networks; validation",
    `chooses the probe's block, and the neighbours' number and output. They learn from the classes of ${probeLabels(results)},`,
    `those included whose labels fine-tuning may not use.${kindOf(results) === "generated" ? "" : " Balanced accuracy is the mean over the classes."}`,
    ...(kindOf(results) === "emoji"
      ? ["The probe learns from the labels of both styles, the probe for the other style from Google's alone."]
      : []),
  ],

  cost: (_: StudyResults): string[] => [
    "TFLOP for a seed, counted from the compiled programs (2 for a multiply-add), at the first label budget. Fine-tuning is that of all",
    "networks that were tried; what arms share is counted for each of them. Time is the sum of the stages' own, one thread each.",
  ],

  pairing: (results: StudyResults): string[] => [
    "## Pairing",
    "",
    `All arms of a seed (${results.seeds.join(", ")}) are compared with each other, so that what a seed draws is the same for all of them:`,
    "",
    kindOf(results) === "generated"
      ? "- **Pictures**: one `data` artifact for each seed, the same digest in all arms."
      : "- **Pictures**: one `data` artifact for all seeds and arms, so all seeds share one test set: they differ in what is drawn in training alone.",
    `- **Labels**: ${labels(results)}`,
    "- **Perceptual network**: one for each seed; the same artifact is PeCo's loss, the source of the k-means tokens and the arm that fine-tunes it.",
    "- **Initial weights**: of each stage drawn from the seed and the stage's name alone, so the autoencoder, the transformer before",
    "  masked modelling and the classifier's head start alike in all arms where their shapes are alike.",
    "- **Crops, flips, masks and the order of pictures**: sample i of step s draws from (seed, stage, s, i), never from the arm. Arms with",
    "  more steps begin with the same ones. Training from scratch is a stage of its own name, so its batches are in another order.",
    "- **Fine-tuning**: two networks for each of two learning rates; repeat r of all arms has the same head, order and crops.",
    "- **Validation** (pictures of their own) chooses the learning rate, the probe's block and how neighbours vote. The recipe's sizes and",
    "  weights were chosen on other seeds (1 to 4).",
    "- **Test pictures** are read by the stage `evaluate` alone, once for each label budget, and nothing is chosen on them. The rehearsal",
    "  before a run's first training also puts their first batch (`evaluate.batch`, 256) through networks of one step and throws the result",
    "  away. Pages are written as seeds finish, so the figures of the first seeds are seen before the last ones are trained.",
    "",
  ],
};

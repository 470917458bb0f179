/** Thrown when fewer labelled pictures are asked for than there are classes. */
export class TooFewLabels extends Error {
  override readonly name = "TooFewLabels";
  readonly exitCode = 64;
  readonly remedy = "Raise finetune.labels in the recipe, or set it to null for all labelled pictures.";
  readonly path = "finetune.labels";
  constructor(labels: number, classes: number) {
    super(`finetune.labels is ${labels}, and there are ${classes} classes: some would have no picture`);
  }
}

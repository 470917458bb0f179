/** Thrown when a loss or gradient is not finite: the state of the step before is kept, nothing was updated. */
export class Diverged extends Error {
  override readonly name = "Diverged";
  readonly exitCode = 66;
  readonly remedy = "Lower the learning rate or set a gradient clip in the recipe; the last good checkpoint is kept.";
  /** Steps that were done before. */
  readonly step: number;
  constructor(part: string, step: number) {
    super(`${part}: the loss or a gradient was not finite at step ${step} (batch ${step} of the seeded order)`);
    this.step = step;
  }
}

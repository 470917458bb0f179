/** A half cosine after a linear warm-up; steps are counted from 0. */
export interface WarmupCosine {
  /** Value at the end of the warm-up. */
  readonly base: number;
  /** Value towards which the cosine falls; the last step stays one step before it. @default 0 */
  readonly final?: number;
  readonly steps: number;
  /** @default 0 */
  readonly warmupSteps?: number;
  /**
   * `plain`: step s of the warm-up has base · (s + 1) / warmupSteps, so that no step is lost. `moco-v3`: base · s /
   * warmupSteps. `beit`: linspace(0, base, warmupSteps), so that step 0 has 0 and the last step of the warm-up has base.
   * @default plain
   */
  readonly form?: "plain" | "moco-v3" | "beit";
}

/** The value of step s: final + (base - final) (1 + cos(pi (s - warmupSteps) / (steps - warmupSteps))) / 2 after the warm-up. */
export function warmupCosine({
  base,
  final = 0,
  steps,
  warmupSteps = 0,
  form = "plain",
}: WarmupCosine): (step: number) => number {
  if (!(warmupSteps >= 0 && warmupSteps <= steps)) {
    throw new RangeError(`a warm-up of ${warmupSteps} steps does not fit into ${steps}`);
  }
  return (step) => {
    if (step < warmupSteps) {
      if (form === "beit") return base * (warmupSteps === 1 ? 0 : step / (warmupSteps - 1));
      return (base * (form === "plain" ? step + 1 : step)) / warmupSteps;
    }
    const share = (step - warmupSteps) / (steps - warmupSteps);
    return final + ((base - final) * (1 + Math.cos(Math.PI * share))) / 2;
  };
}

/** The learning rate of each step by a recipe's `optimizer`: its warm-up and final rate are shares of steps and of `lr`. */
export function lrSchedule(
  {
    lr,
    warmup,
    warmupForm = "plain",
    finalLrShare,
  }: { lr: number; warmup: number; warmupForm?: WarmupCosine["form"]; finalLrShare: number },
  steps: number,
): (step: number) => number {
  const warmupSteps = Math.round(warmup * steps);
  return warmupCosine({ base: lr, final: lr * finalLrShare, steps, warmupSteps, form: warmupForm });
}

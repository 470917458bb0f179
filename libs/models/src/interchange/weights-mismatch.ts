/** A tensor that is there and cannot be taken. */
export interface WrongTensor {
  readonly name: string;
  /** What is wrong with it, to follow its name. */
  readonly problem: string;
}

/** What of a file of weights does not fit a network, by the file's names. */
export interface Misfit {
  readonly missing: readonly string[];
  /** Tensors that the network has no place for. */
  readonly extra: readonly string[];
  readonly wrong: readonly WrongTensor[];
}

/** Thrown when weights do not fit a network; the message names every tensor that is missing, extra or wrongly shaped. */
export class WeightsMismatch extends Error implements Misfit {
  override readonly name = "WeightsMismatch";
  readonly exitCode = 65;
  readonly remedy = "Give weights of this very model: name, size and number of heads decide.";
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly wrong: readonly WrongTensor[];

  constructor(misfit: Misfit) {
    super(`the weights do not fit the network\n${describeMisfit(misfit)}`);
    this.missing = misfit.missing;
    this.extra = misfit.extra;
    this.wrong = misfit.wrong;
  }
}

/** Every tensor of a misfit on a line of its own. */
export function describeMisfit({ missing, extra, wrong }: Misfit): string {
  return [
    ...missing.map((name) => `  missing: ${name}`),
    ...wrong.map(({ name, problem }) => `  wrong:   ${name} ${problem}`),
    ...extra.map((name) => `  extra:   ${name}`),
  ].join("\n");
}

/** Thrown when a file's names are those of no known kind of vision transformer. */
export class UnknownWeights extends Error {
  override readonly name = "UnknownWeights";
  readonly exitCode = 65;
  readonly remedy =
    "Give safetensors with the names of timm, BEiT, DeiT, DINO, MAE or MoCo v3; a PyTorch file has to be converted first.";
  constructor(names: readonly string[]) {
    const shown = names.slice(0, 4).join(", ");
    super(
      names.length === 0
        ? "the file of weights has no tensors"
        : `the weights are of no known vision transformer: ${names.length} tensors such as ${shown}`,
    );
  }
}

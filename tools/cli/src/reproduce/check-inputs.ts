import type { CardInputs, ReproducibilityCard } from "@peco/report";
import type { Experiment } from "../run/experiment.ts";
import { UsageError } from "../usage-error.ts";

/** Thrown when the pictures are not those of the card. */
export class OtherPictures extends Error {
  override readonly name = "OtherPictures";
  readonly exitCode = 65;
  readonly remedy = "Give the folder that the card's run had, as it was: --data DIR.";
  readonly path: string;
  constructor(path: string, found: string, wanted: string) {
    super(
      `the pictures of ${path} are not those of the card: names and contents have the SHA-256 ${found.slice(0, 12)} and had ${wanted.slice(0, 12)}`,
    );
    this.path = path;
  }
}

/** Thrown when a file of weights is not that of the card. */
export class OtherWeights extends Error {
  override readonly name = "OtherWeights";
  readonly exitCode = 65;
  readonly remedy: string;
  readonly path: string;
  constructor(path: string, found: string, { stage, key, digest, preset }: CardInputs["weights"][number]) {
    const what = preset === null ? "" : ` (${preset})`;
    super(
      `the weights that ${stage} reads, ${path}, are not those of the card${what}: SHA-256 ${found} and not ${digest}`,
    );
    this.path = path;
    this.remedy = `Give the file that the card's run read: --set ${key}=FILE.`;
  }
}

/** Keys of a recipe that name files: where these lie changes no result. */
const fileKeys = ["perceptualNetwork.weights", "codebook.weights", "finetune.weights", "data.folder.labelsFile"];

/** Refuses changes of the recipe that are more than another place of a file. @throws UsageError */
export function checkSets(sets: readonly string[]): void {
  const other = sets.find((set) => !fileKeys.some((key) => set.startsWith(`${key}=`)));
  if (other !== undefined)
    throw new UsageError(
      `--set ${other} would be another run than the card's`,
      `A repetition can only name where a file lies now: ${fileKeys.join(", ")}.`,
    );
}

/**
 * Compares the pictures and the files of weights that were found with those of a card.
 *
 * @returns what was found to be the same, in words; of a card of format 1, which has no hashes of either, nothing
 * @throws OtherPictures OtherWeights
 */
export function checkInputs({ inputs }: ReproducibilityCard, { folder, data, weights }: Experiment): string[] {
  if (inputs === undefined) return [];
  if (inputs.folder !== null && folder?.digest !== inputs.folder)
    throw new OtherPictures(data ?? "the generated set", folder?.digest ?? "none", inputs.folder);
  const same = inputs.weights.map((wanted) => {
    const found = [...weights].find(([stage]) => stage === wanted.stage)?.[1];
    if (found?.digest !== wanted.digest)
      throw new OtherWeights(found?.path ?? wanted.path, found?.digest ?? "none", wanted);
    return `weights of ${wanted.stage}: the same file, ${found.path}`;
  });
  return [...(inputs.folder === null ? [] : [`pictures: the same names and contents, ${data}`]), ...same];
}

/** What cannot be checked of an earlier card. */
export function uncheckedRemarks({ inputs, format, data }: ReproducibilityCard): string[] {
  if (inputs !== undefined) return [];
  const pictures = data.source === "generated" ? "" : " and pictures other than the card's show in stage data alone";
  return [
    `the card is of format ${format}, which names no file by its hash: other weights are not told from the card's${pictures}`,
  ];
}

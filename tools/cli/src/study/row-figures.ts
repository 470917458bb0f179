import { mean } from "@peco/metrics";
import type { Evaluation } from "@peco/report";
import type { Arm } from "./arms.ts";

type Classification = NonNullable<Evaluation["classification"]>;

/** A row's figures by name. */
export type Figures = Readonly<Record<string, number>>;
type Split = "test" | "validation";

/** What a row shows of an evaluation: its own figures on the test pictures, and the same on the validation pictures. */
export interface RowFigures {
  readonly lr: number;
  readonly networks: readonly number[];
  readonly figures: Figures;
  readonly validation: Figures;
}

/**
 * The figures of an arm; null where the evaluation has no such classifier.
 *
 * @param firstBudget false: top-1 alone, since all else was measured with fewer labels than at the first budget
 */
export function rowFigures(arm: Arm, evaluation: Evaluation, firstBudget: boolean): RowFigures | null {
  const { classification } = evaluation;
  const classifier = classifierOf(arm, classification);
  if (classification === null || classifier === undefined) return null;
  const { lr, networks } = classifier;
  const frozen = firstBudget && arm.classifier === "pretrained";
  return {
    lr,
    networks: networks.map(({ top1 }) => top1),
    figures: {
      ...classifier.mean,
      ...(frozen ? { ...frozenFigures(classification, "test"), ...tokenFigures(evaluation) } : {}),
    },
    validation: {
      top1: mean(networks.map(({ validation }) => validation)),
      ...(frozen ? frozenFigures(classification, "validation") : {}),
    },
  };
}

/** The same classifier on the other test pictures. */
export function otherFigures(arm: Arm, { classification }: Evaluation, firstBudget: boolean): Figures {
  const classifier = classifierOf(arm, classification);
  if (classification === null || classifier === undefined) return {};
  const { probe } = frozenFigures(classification, "test");
  return {
    otherTop1: classifier.mean.top1,
    otherBalanced: classifier.mean.balanced,
    ...(firstBudget && arm.classifier === "pretrained" && probe !== undefined ? { otherProbe: probe } : {}),
  };
}

function classifierOf(arm: Arm, classification: Classification | null) {
  return classification?.arms.find(({ name }) => name === arm.classifier);
}

/** Classifiers on the frozen network that fine-tuning starts from, and on the tokens. Validation chooses, whatever the split. */
function frozenFigures(of: Classification, split: Split): Figures {
  const blocks = of.probes.flatMap(({ network, blocks }) => (network === "random" ? [] : blocks));
  // Of both outputs, the class token and the mean of the patches, and of every number of neighbours.
  const votes = of.nearestNeighbours.flatMap(({ network, results }) => (network === "random" ? [] : results));
  return numbersOf({
    probe: bestOnValidation(blocks)?.[split],
    neighbours: bestOnValidation(votes)?.[split],
    ...Object.fromEntries((of.codeWords ?? []).map((words) => [words.representation, words[split]])),
  });
}

function bestOnValidation<T extends { validation: number }>(all: readonly T[]): T | undefined {
  return all.reduce<T | undefined>(
    (best, one) => (best === undefined || one.validation > best.validation ? one : best),
    undefined,
  );
}

/** What the tokenizer's tokens are like, on the test pictures. */
function tokenFigures({ codebook, maskedTokens, triples }: Evaluation): Figures {
  const hard = triples?.settings.find(({ kind, shift, sigma }) => kind === "shift" && shift === 1 && sigma === 1);
  return numbersOf({
    usage: codebook?.usage,
    perplexity: codebook?.perplexity,
    bits: codebook?.bits,
    maskedAccuracy: maskedTokens?.accuracy,
    tokenChoice: hard?.distances.find(({ distance }) => distance === "tokens")?.score,
  });
}

function numbersOf(figures: Readonly<Record<string, number | undefined>>): Figures {
  return Object.fromEntries(
    Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

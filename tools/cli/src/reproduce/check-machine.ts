import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type ReproducibilityCard, reproducibilityCard } from "@peco/report";
import { prettifyError } from "zod";
import { machine, revision, software } from "../run/machine.ts";

/** Thrown when a file is no reproducibility card. */
export class CardUnreadable extends Error {
  override readonly name = "CardUnreadable";
  readonly exitCode = 76;
  readonly remedy = "Give the card.json that a run wrote beside its report.";
  readonly path: string;
  constructor(path: string, problem: string) {
    super(`${path} is no reproducibility card: ${problem}`);
    this.path = path;
  }
}

/** Thrown when this checkout is not the code that a card is of. */
export class OtherRevision extends Error {
  override readonly name = "OtherRevision";
  readonly exitCode = 76;
  readonly remedy: string;
  readonly path = "code.revision";
  constructor(problem: string, wanted: string | null) {
    super(problem);
    const go = wanted === null ? "" : `\`git checkout ${wanted}\` goes there; `;
    this.remedy = `${go}--other-revision repeats it with the code as it is here, and says what came out.`;
  }
}

/** Reads a card. @throws CardUnreadable */
export function readCard(path: string): ReproducibilityCard {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new CardUnreadable(path, (error as Error).message);
  }
  const parsed = reproducibilityCard.safeParse(content);
  if (!parsed.success) throw new CardUnreadable(path, prettifyError(parsed.error).split("\n").slice(0, 3).join(" "));
  return parsed.data;
}

/**
 * Whether this checkout is the code of a card.
 *
 * @throws OtherRevision when it is not, or when that cannot be told
 */
export function checkRevision({ code }: ReproducibilityCard): void {
  const here = revision();
  if (code.changed) {
    const problem = "the card's run was made with files changed beside its revision: no revision names that code";
    throw new OtherRevision(problem, null);
  }
  if (code.revision !== here.revision) {
    const where = here.revision ?? "no git checkout";
    throw new OtherRevision(
      `the card is of revision ${code.revision ?? "unknown"}, and this is ${where}`,
      code.revision,
    );
  }
  if (here.changed) throw new OtherRevision("files of this checkout differ from its revision", code.revision);
}

/** What differs here from where the card's run was made and may change the last bits, or the time; none of it stops a repetition. */
export function machineRemarks(card: ReproducibilityCard, tensorflow: string | null): string[] {
  const [there, here] = [{ ...card.software }, { ...software(tensorflow) } as Record<string, unknown>];
  const versions = Object.keys(there)
    .filter((name) => here[name] !== undefined && here[name] !== there[name])
    .map((name) => `${name} is ${here[name]} here and was ${there[name]}`);
  const { processor } = machine();
  const runtime = card.experiment.resolved["runtime"] as { threads?: number } | undefined;
  return [
    ...versions,
    ...(processor === card.hardware["processor"]
      ? []
      : [`the processor is ${processor} and was ${card.hardware["processor"]}: the last bits may differ`]),
    ...((runtime?.threads ?? 1) > availableParallelism()
      ? [`the recipe takes ${runtime?.threads} threads and there are ${availableParallelism()} cores: it will be slow`]
      : []),
  ];
}

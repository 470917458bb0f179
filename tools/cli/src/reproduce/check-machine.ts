import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { cardFormat, type ReproducibilityCard, reproducibilityCard } from "@peco/report";
import { prettifyError } from "zod";
import { machine, revision, software } from "../run/machine.ts";
import { tensorflowRuntime } from "../run/tensorflow-runtime.ts";

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
  const format = (content as { format?: unknown } | null)?.format;
  if (typeof format === "number" && format > cardFormat)
    throw new CardUnreadable(path, `it is of format ${format}, and this version reads up to ${cardFormat}`);
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

/** Where a repetition would take place, in the words of a card. */
export interface Here {
  readonly software: Readonly<Record<string, unknown>>;
  readonly hardware: Readonly<Record<string, unknown>>;
  readonly cores: number;
}

/** This machine, its library of TensorFlow asked where the card's run computed with one. */
export function hereFor({ software: there }: ReproducibilityCard): Here {
  const computes = there["tensorflow"] !== undefined;
  const version = computes ? (tensorflowRuntime()?.version ?? null) : null;
  const { devices, accelerator, ...versions } = software(version);
  return { software: versions, hardware: { ...machine(), devices, accelerator }, cores: availableParallelism() };
}

/** What differs here from where the card's run was made and may change the last bits, or the time; none of it stops a repetition. */
export function machineRemarks(card: ReproducibilityCard, here: Here): string[] {
  const computes = card.software["tensorflow"] !== undefined;
  if (computes && here.software["tensorflow"] === undefined)
    return [
      "TensorFlow's library is not here yet: which version and devices the stages will compute with is not known",
      ...differences(card, here),
    ];
  return differences(card, here);
}

/** Facts of a card's hardware that may change results, as sentences name them. */
const decisive = ["processor", "devices", "accelerator"];

function differences(card: ReproducibilityCard, here: Here): string[] {
  const versions = Object.entries(card.software)
    .filter(([name, version]) => here.software[name] !== undefined && here.software[name] !== version)
    .map(([name, version]) => `${inWords(name)} is ${here.software[name]} here and was ${version}`);
  const hardware = decisive
    // a card of before these were recorded says nothing of them
    .filter((name) => card.hardware[name] !== undefined && here.hardware[name] !== card.hardware[name])
    .filter((name) => here.hardware[name] !== undefined || here.software["tensorflow"] !== undefined)
    .map((name) => {
      const [is, was] = name === "devices" ? ["are", "were"] : ["is", "was"];
      return `the ${name} ${is} ${here.hardware[name] ?? "none"} here and ${was} ${card.hardware[name]}: the last bits may differ`;
    });
  const threads = (card.experiment.resolved["runtime"] as { threads?: number } | undefined)?.threads ?? 1;
  return [
    ...versions,
    ...hardware,
    ...(threads > here.cores
      ? [`the recipe takes ${threads} threads and there are ${here.cores} cores: it will be slow`]
      : []),
  ];
}

/** `tensorflowBuild` becomes `tensorflow build`. */
function inWords(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])/g, (_, before, letter) => `${before} ${letter.toLowerCase()}`);
}

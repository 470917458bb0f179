import { Store } from "@peco/artifacts";
import { openPack, summarisePack } from "@peco/data";
import { dataStage } from "@peco/masking-service";
import { executeStage, type Outcome } from "@peco/stage";
import { createLogger } from "@peco/telemetry";
import { z } from "zod";
import { plainSummary, summaryDocument, summaryText } from "../data/data-summary.ts";
import { timedProgress } from "../data/timed-progress.ts";
import type { Answer } from "../output.ts";
import { clock, Display } from "../run/display.ts";
import { type Experiment, experiment } from "../run/experiment.ts";
import { withInterrupts } from "../run/interrupts.ts";
import { specOf } from "../run/stage-spec.ts";

/** The document of `peco data pack --json`. */
export const dataPackDocument = z.object({
  artifact: z.string().describe("digest of the packed pictures"),
  store: z.string(),
  folder: z.string(),
  digest: z.string().describe("what identifies the folder: names, contents, and labels that do not follow from names"),
  form: z.enum(["decoded", "encoded"]),
  cached: z.boolean().describe("whether it was there already"),
  seconds: z.number(),
  ...summaryDocument,
});

/** The words of `peco data pack`, as typed. */
export interface DataPackOptions {
  readonly folder: string;
  readonly recipe: string;
  readonly set?: string[];
  readonly form?: "decoded" | "encoded";
  readonly size?: number;
  readonly store?: string;
  readonly json?: boolean;
}

/** Packs a folder as a run with the same recipe would, which then finds it finished; says what it found. */
export async function dataPackCommand(options: DataPackOptions): Promise<Answer> {
  const { folder, recipe, form, size } = options;
  const display = new Display();
  const set = [
    ...(options.set ?? []),
    ...(form === undefined ? [] : [`data.form=${form}`]),
    ...(size === undefined ? [] : [`image.size=${size}`]),
  ];
  const what = await experiment(
    { data: folder, recipe, set, until: "data", ...(options.store !== undefined && { store: options.store }) },
    timedProgress(display, "reading"),
  );
  const store = await Store.open(what.store, { create: true });
  const outcome = await pack(what, display);
  await using data = await openPack(store, outcome.artifact);
  const summary = summarisePack(data.index, data.pictures);
  const document: z.infer<typeof dataPackDocument> = {
    artifact: outcome.artifact,
    store: what.store,
    folder: what.data ?? "",
    digest: what.folder?.digest ?? "",
    form: what.loaded.recipe.data.form,
    cached: outcome.cached,
    seconds: outcome.seconds,
    ...plainSummary(summary),
  };
  const how = outcome.cached ? "found finished" : `packed in ${clock(outcome.seconds)}`;
  return { document, text: [summaryText(summary), "", `${how}: ${outcome.artifact}`].join("\n") };
}

function pack(what: Experiment, display: Display): Promise<Outcome> {
  const [stage] = what.stages;
  const { data, folder, loaded, store, weights } = what;
  if (stage === undefined || data === null || folder === null) throw new Error("a folder has a data stage");
  const from = { path: data, digest: folder.digest };
  const common = { recipe: loaded.recipe, store, run: "data pack", seed: 1n, weights, preflight: false };
  const spec = specOf(stage, {}, { ...common, folder: from });
  const ends = async () => undefined;
  return withInterrupts(display, ends, (signal) =>
    executeStage(dataStage, spec, {
      signal,
      log: createLogger("data", { level: "warn" }),
      // Notes say what the summary says.
      emit: (event) => {
        if (event.kind === "step") display.progress({ stage: "data", ...event });
      },
    }),
  );
}

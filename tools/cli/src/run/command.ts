import { Store } from "@peco/artifacts";
import { ensureLibrary } from "tfjs-libtensorflow/library";
import type { Answer } from "../output.ts";
import { Display } from "./display.ts";
import { dryRun } from "./dry-run.ts";
import { type Experiment, experiment, type RunOptions } from "./experiment.ts";
import { withInterrupts } from "./interrupts.ts";
import { carryOut } from "./pipeline.ts";
import { recording, servicesLog } from "./recording.ts";
import { answerOf } from "./run-answer.ts";
import { RunLog } from "./run-log.ts";
import { Services } from "./services.ts";
import { tensorflowRuntime } from "./tensorflow-runtime.ts";
import { writeCard } from "./write-card.ts";

/** `peco run`: the main job. Everything is shown on standard error; the answer is the run's document. */
export async function runCommand(options: RunOptions): Promise<Answer> {
  const display = new Display();
  const what = await experiment(options, showReading(display));
  return options.dryRun === true ? dryRun(what) : runExperiment(what, display);
}

/** Carries out what has been checked. */
export async function runExperiment(what: Experiment, display: Display): Promise<Answer> {
  const store = await Store.open(what.store, { create: true });
  for (const remark of what.remarks) display.line(remark);
  // The library is about a gigabyte when it has to be fetched; nothing of it is needed when no stage trains.
  const trains = what.stages.some(({ runtime }) => runtime !== null);
  const library = trains ? await ensureLibrary({ log: (line) => display.line(line) }) : null;
  // Of a library of the user's, only the library itself can tell its version.
  const version = library === null ? null : (library.version ?? tensorflowRuntime()?.version ?? null);
  const log = await RunLog.create(store, what, version);
  display.line(
    `run ${log.id}: recipe ${what.loaded.name}, ${what.seeds.length === 1 ? "seed" : "seeds"} ${what.seeds.join(", ")}, store ${what.store}`,
  );
  await perform(store, what, log, display);
  const report = await writeReport(store, log.id);
  return answerOf(store, log.record, report);
}

/** Shows how far the folder of pictures has been read. */
export function showReading(display: Display): (done: number, of: number) => void {
  return (step, of) =>
    display.progress({
      stage: "reading the pictures",
      part: "",
      step,
      of,
      metrics: {},
      imagesPerSecond: 0,
      etaSeconds: 0,
    });
}

/** Runs all stages; no process is left behind. */
async function perform(store: Store, what: Experiment, log: RunLog, display: Display): Promise<void> {
  const note = (text: string) => display.line(text);
  await using services = new Services({ logFile: servicesLog(log), note });
  await recording(log, display, () =>
    withInterrupts(
      display,
      () => services.kill(),
      (signal) => carryOut({ store, experiment: what, log, services, display, signal }),
    ),
  );
}

async function writeReport(store: Store, run: string): Promise<string> {
  await writeCard(store, run);
  const { renderReport } = await import("@peco/report");
  return store.runs.writeFile(run, "report.html", await renderReport(store, run));
}

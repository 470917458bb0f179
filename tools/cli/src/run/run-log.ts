import {
  type MetricsLine,
  type RunFailure,
  type RunRecord,
  type RunStage,
  type Store,
  thisProcess,
} from "@peco/artifacts";
import { recipeFile, recipeNames } from "@peco/recipes";
import type { Outcome, StageEvent } from "@peco/stage";
import type { Experiment } from "./experiment.ts";
import { machine, software } from "./machine.ts";

/**
 * The command that does the same again, apart from where its store lies; null where none does, since networks were taken from stages
 * that are not the run's own.
 */
export function commandLine({ loaded, data, seeds, until, given }: Experiment): string | null {
  if (given !== undefined) return null;
  const words = [
    ...(data === null ? [] : ["--data", data]),
    "--recipe",
    isBundled(loaded) ? loaded.name : loaded.file,
    ...loaded.sets.flatMap((set) => ["--set", set]),
    ...(seeds.length === 1 ? ["--seed"] : ["--seeds"]),
    seeds.join(","),
    ...(until === undefined ? [] : ["--until", until]),
  ];
  return ["./peco run", ...words.map((word) => (/^[\w./:,=[\]@+-]+$/.test(word) ? word : `'${word}'`))].join(" ");
}

/** Whether a recipe is found by its name: a file of the user's has a name, too. */
function isBundled({ name, file }: Experiment["loaded"]): boolean {
  return recipeNames().includes(name) && recipeFile(name) === file;
}

/** Remarks, and what the names of recipe and stages cannot tell. */
function notesOf({ remarks, partOf, given }: Experiment): string[] {
  return [
    ...(partOf === undefined ? [] : [`Part of a study: ${partOf}.`]),
    ...(given === undefined
      ? []
      : [
          `No command of its own repeats this run: it was given what earlier runs made (${[...given].map(([stage, artifact]) => `${stage} ${artifact.slice(0, 12)}`).join(", ")}).`,
        ]),
    ...remarks,
  ];
}

/** Keeps the record of a run: `run.json` after every change of a stage, `metrics.jsonl` as steps are reported. */
export class RunLog {
  readonly #store: Store;
  #record: RunRecord;
  #lines: MetricsLine[] = [];
  #writing: Promise<void> = Promise.resolve();
  readonly #started = performance.now();

  private constructor(store: Store, record: RunRecord) {
    this.#store = store;
    this.#record = record;
  }

  /** Makes the run's folder, with all its stages waiting. */
  static async create(store: Store, experiment: Experiment, tensorflow: string | null): Promise<RunLog> {
    const { loaded, data, seeds, stages } = experiment;
    const command = commandLine(experiment);
    const waiting = seeds.flatMap((seed) =>
      stages.map(
        ({ name }): RunStage => ({
          name,
          seed: String(seed),
          state: "waiting",
          key: null,
          artifact: null,
          seconds: null,
          metrics: {},
        }),
      ),
    );
    const record = await store.runs.create({
      state: "running",
      process: await thisProcess(),
      ended: null,
      seconds: null,
      ...(command === null ? {} : { command }),
      recipe: { name: loaded.name, resolved: loaded.recipe },
      data,
      seeds: seeds.map(String),
      stages: waiting,
      failure: null,
      machine: machine(),
      software: software(tensorflow),
      notes: notesOf(experiment),
    });
    return new RunLog(store, record);
  }

  get id(): string {
    return this.#record.id;
  }

  get record(): RunRecord {
    return this.#record;
  }

  /** Folder of the run. */
  get folder(): string {
    return this.#store.runs.folder(this.id);
  }

  /** A stage has begun, under its key. */
  async running(name: string, seed: bigint, key: string): Promise<void> {
    await this.#change(name, seed, { state: "running", key });
  }

  /** A stage has finished, or was found finished. */
  async finished(name: string, seed: bigint, key: string, outcome: Outcome): Promise<void> {
    const { cached, artifact, seconds, metrics } = outcome;
    const plain = JSON.parse(JSON.stringify(metrics)) as RunStage["metrics"];
    await this.#change(name, seed, { state: cached ? "cached" : "ran", key, artifact, seconds, metrics: plain });
  }

  /** Takes what is worth keeping of a stage's events. */
  event(name: string, seed: bigint, event: StageEvent): void {
    if (event.kind !== "step" && event.kind !== "evaluation") return;
    const { kind: _, ...rest } = event;
    this.#lines.push({ time: new Date().toISOString(), stage: name, seed: String(seed), ...rest });
    if (this.#lines.length >= 20) this.#flush();
  }

  /** The run has ended; stages that never began stay waiting. */
  async end(state: "done" | "failed" | "cancelled", failure: RunFailure | null): Promise<void> {
    const ended = state === "cancelled" ? ("cancelled" as const) : ("failed" as const);
    const stages = this.#record.stages.map((stage) => (stage.state === "running" ? { ...stage, state: ended } : stage));
    this.#record = { ...this.#record, state, failure, stages, ended: new Date().toISOString(), seconds: this.seconds };
    this.#flush();
    await this.#writing;
    await this.#store.runs.write(this.#record);
  }

  /** Seconds since the run began. */
  get seconds(): number {
    return Math.round((performance.now() - this.#started) / 10) / 100;
  }

  async #change(name: string, seed: bigint, change: Partial<RunStage>): Promise<void> {
    const stages = this.#record.stages.map((stage) =>
      stage.name === name && stage.seed === String(seed) ? { ...stage, ...change } : stage,
    );
    this.#record = { ...this.#record, stages };
    this.#flush();
    await this.#writing;
    await this.#store.runs.write(this.#record);
  }

  /** Appends the collected lines, after those before. A failure shows at the next change of a stage. */
  #flush(): void {
    const lines = this.#lines;
    this.#lines = [];
    const write = this.#writing.then(() => this.#store.runs.appendMetrics(this.id, lines));
    write.catch(() => undefined);
    this.#writing = write;
  }
}

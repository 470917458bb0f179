import type { Store } from "@peco/artifacts";
import type { Stage } from "@peco/recipes";
import { failureOf } from "@peco/rpc";
import type { Display } from "../run/display.ts";
import type { Experiment } from "../run/experiment.ts";
import { findStages } from "../run/find-stages.ts";
import { carryOut } from "../run/pipeline.ts";
import { recording, servicesLog } from "../run/recording.ts";
import { RunLog } from "../run/run-log.ts";
import { Services } from "../run/services.ts";
import { writeCard } from "../run/write-card.ts";
import { findCell } from "./find-cell.ts";
import { type Cell, cellName, type Study, unitsOf } from "./study.ts";
import { TaggedDisplay } from "./tagged-display.ts";

/** What the cells of a study are carried out with. */
export interface StudyWork {
  readonly study: Study;
  readonly store: Store;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Seeds at a time. */
  readonly jobs: number;
  /** No cell is begun after this, in milliseconds since the process began. */
  readonly deadlineMs: number;
  /** Version of TensorFlow's library, for the runs' records. */
  readonly tensorflow: string | null;
  /** Services that are to be killed at a second Ctrl-C. */
  readonly services: Set<Services>;
  /** Called after each unit that had anything to do. */
  readonly onUnit: () => Promise<void>;
}

/** A cell that could not be carried out. */
export interface FailedCell {
  readonly cell: Cell;
  readonly error: unknown;
}

/** What the jobs of a study tell each other. */
interface Progress {
  readonly failed: FailedCell[];
  failedInARow: number;
  /** Names of runs whose stages went well for a step. */
  readonly rehearsed: Set<string>;
}

/** Cells that may fail one after the other before it is not the cells that are at fault. */
const MOST_FAILURES = 3;

/**
 * Carries out what is not finished of a study, `jobs` seeds at a time. A seed is worked on by one job only, since its cells share
 * stages. A cell that fails is told and left out, so that a night is not lost to one; three in a row end everything.
 */
export async function carryOutStudy(work: StudyWork): Promise<FailedCell[]> {
  const waiting = unitsOf(work.study);
  const active = new Map<bigint, Promise<void>>();
  const progress: Progress = { failed: [], failedInARow: 0, rehearsed: new Set() };
  const job = async () => {
    while (waiting.length > 0 && !late(work)) {
      const at = waiting.findIndex(([first]) => !active.has((first as Cell).seed));
      if (at === -1) {
        await Promise.race(active.values());
        continue;
      }
      const [unit] = waiting.splice(at, 1) as [Cell[]];
      const { seed } = unit[0] as Cell;
      const done = carryOutUnit(work, unit, progress);
      active.set(
        seed,
        done.catch(() => undefined),
      );
      await done.finally(() => active.delete(seed));
    }
  };
  await packOnce(work);
  // When one job ends early, the others write their checkpoints before anything is told.
  const ended = await Promise.allSettled(Array.from({ length: work.jobs }, job));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
  return progress.failed;
}

function late({ signal, deadlineMs }: StudyWork): boolean {
  signal.throwIfAborted();
  return performance.now() >= deadlineMs;
}

/** A folder's pictures are packed once for all seeds, so before the jobs part. */
async function packOnce(work: StudyWork): Promise<void> {
  const { base, other, seeds } = work.study;
  for (const folder of [base, ...(other === null ? [] : [other])]) {
    const experiment = { ...folder, seeds: seeds.slice(0, 1), stages: folder.stages.filter(isPacking), until: "data" };
    const found = await findStages(experiment, work.store, seeds[0] ?? 0n);
    if (late(work) || found.every(({ result }) => result !== null)) continue;
    await using services = new UnitServices(work);
    await carryOutLogged(work, experiment, { services, tag: "pictures", rehearse: false });
  }
}

function isPacking({ name, seeded }: Stage): boolean {
  return name === "data" && !seeded;
}

async function carryOutUnit(work: StudyWork, unit: readonly Cell[], progress: Progress): Promise<void> {
  const missing = [];
  for (const cell of unit) if ((await findCell(work.study, work.store, cell))?.finished !== true) missing.push(cell);
  if (missing.length === 0) return;
  try {
    await carryOutCells(work, missing, progress);
  } finally {
    await work.onUnit();
  }
}

async function carryOutCells(work: StudyWork, cells: readonly Cell[], progress: Progress): Promise<void> {
  await using services = new UnitServices(work);
  for (const cell of cells) {
    if (late(work)) return;
    const tag = `seed ${cell.seed}, ${cellName(cell)}`;
    const found = await findCell(work.study, work.store, cell);
    if (found === null) {
      work.display.line(`${tag} | left out: it takes its steps from the runs peco and pixel-tokens, which lack`);
      continue;
    }
    try {
      const rehearse = !progress.rehearsed.has(cell.run.name);
      progress.rehearsed.add(cell.run.name);
      await carryOutLogged(work, found.experiment, { services, tag, rehearse });
      const { other } = (await findCell(work.study, work.store, cell)) ?? { other: null };
      if (other !== null)
        await carryOutLogged(work, other.experiment, { services, tag: `${tag}, other style`, rehearse: false });
      progress.failedInARow = 0;
    } catch (error) {
      work.signal.throwIfAborted();
      progress.failed.push({ cell, error });
      work.display.line(`${tag} | failed: ${failureOf(error).message}`);
      if (++progress.failedInARow >= MOST_FAILURES) throw error;
    }
  }
}

/** The services of a unit's cells, which stay from one to the next; they begin with the first run's log. */
class UnitServices implements AsyncDisposable {
  readonly #work: StudyWork;
  #services: Services | null = null;

  constructor(work: StudyWork) {
    this.#work = work;
  }

  for(log: RunLog, note: (text: string) => void): Services {
    this.#services ??= new Services({ logFile: servicesLog(log), note });
    this.#work.services.add(this.#services);
    return this.#services;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#services === null) return;
    await this.#services[Symbol.asyncDispose]();
    this.#work.services.delete(this.#services);
  }
}

async function carryOutLogged(
  { store, display: all, signal, tensorflow }: StudyWork,
  experiment: Experiment,
  { services, tag, rehearse }: { services: UnitServices; tag: string; rehearse: boolean },
): Promise<void> {
  const display = new TaggedDisplay(all, tag);
  const log = await RunLog.create(store, experiment, tensorflow);
  const running = services.for(log, (text) => display.line(text));
  await recording(log, display, () =>
    carryOut({ store, experiment, log, services: running, display, signal }, { rehearse, keepServices: true }),
  );
  await writeCard(store, log.id);
}

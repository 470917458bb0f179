import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { Store } from "@peco/artifacts";
import { failureOf } from "@peco/rpc";
import { ensureLibrary } from "tfjs-libtensorflow/library";
import { z } from "zod";
import { checkout } from "../checkout.ts";
import type { Answer } from "../output.ts";
import { Display } from "../run/display.ts";
import { experiment } from "../run/experiment.ts";
import { withInterrupts } from "../run/interrupts.ts";
import { machine, revision, software } from "../run/machine.ts";
import type { Services } from "../run/services.ts";
import { UsageError } from "../usage-error.ts";
import { carryOutStudy, type FailedCell } from "./carry-out.ts";
import { collect } from "./collect.ts";
import { emojiFolders } from "./emoji.ts";
import { planStudy } from "./plan.ts";
import { writeStudyPage } from "./report.ts";
import { type StudySession, studyKind } from "./results.ts";
import { ResultsFile } from "./results-file.ts";
import { type Budget, cellName, checkAll, chooseArms, type Study } from "./study.ts";

/** The words of `peco study`. */
export interface StudyOptions {
  data?: string;
  store?: string;
  out?: string;
  recipe?: string;
  set?: string[];
  seeds?: bigint[];
  arms?: string[];
  budgets?: Budget[];
  jobs?: number;
  hours?: number;
  dryRun?: boolean;
  collect?: boolean;
  json?: boolean;
}

/** The document of `peco study --json`. */
export const studyDocument = z.object({
  study: z.string(),
  /** Path of the results with every figure per seed, and of the page. */
  results: z.string(),
  page: z.string(),
  rows: z.int(),
  failed: z.array(z.object({ cell: z.string(), seed: z.string(), message: z.string() })),
});

/** `peco study`: carries out what is not finished of the study, as far as time goes, and writes its figures and its page. */
export async function studyCommand(options: StudyOptions): Promise<Answer> {
  const display = new Display();
  const study = await studyOf(options, display);
  checkAll(study);
  const jobs =
    options.jobs ?? Math.max(1, Math.floor(availableParallelism() / study.base.loaded.recipe.runtime.threads));
  if (options.dryRun === true) return planStudy(study, await openExisting(study.base.store), jobs);
  const out = resolve(options.out ?? join(checkout, "docs"));
  const files = studyFiles(out, study.name);
  const store = await Store.open(study.base.store, { create: true });
  const record: StudyRecord = { study, store, files, results: await ResultsFile.open(files.results), display };
  if (options.collect === true) return write(record, null, []);

  const { version } = await ensureLibrary({ log: (line) => display.line(line) });
  const tensorflow = version ?? null;
  const session = sessionOf(jobs, tensorflow);
  let worked = false;
  let writing: Promise<unknown> = Promise.resolve();
  const save = () => {
    worked = true;
    writing = writing.then(() => write(record, session(), []));
    return writing.then(() => undefined);
  };
  const services = new Set<Services>();
  const deadlineMs = performance.now() + (options.hours ?? 1000) * 3_600_000;
  let failed: FailedCell[] = [];
  try {
    failed = await withInterrupts(
      display,
      async () => void (await Promise.all([...services].map((service) => service.kill()))),
      (signal) =>
        carryOutStudy({ study, store, display, signal, jobs, deadlineMs, tensorflow, services, onUnit: save }),
    );
  } finally {
    await writing;
  }
  return write(record, worked ? session() : null, failed);
}

/** What the words ask for, everything checked that can be checked before anything is run. */
export async function studyOf(options: StudyOptions, display: Display): Promise<Study> {
  const { data, store } = options;
  const fetches = options.dryRun !== true && options.collect !== true;
  const kind = data === undefined || data === "emoji" ? (data ?? "generated") : "folder";
  const name = kind === "folder" ? folderName(data as string) : kind;
  const emoji = data === "emoji" ? await emojiFolders((text) => display.line(text), fetches) : null;
  const common = {
    ...(store === undefined ? {} : { store }),
    recipe: options.recipe ?? (emoji === null ? "study/generated" : "study/emoji"),
  };
  const set = options.set ?? [];
  const labels = emoji === null ? [] : [`data.folder.labelsFile=${JSON.stringify(emoji.labelsFile)}`];
  const folder = emoji?.folder ?? data;
  const base = await experiment({
    ...common,
    ...(folder === undefined ? {} : { data: folder }),
    set: [...set, ...labels],
  });
  const other = emoji === null ? null : await experiment({ ...common, data: emoji.otherStyle, set });
  if (base.folder !== null && base.folder.classes.length === 0)
    throw new UsageError(
      `${base.data} has no class folders, and a study compares classifiers`,
      "Give pictures in class folders.",
    );
  return {
    kind,
    name,
    base,
    other,
    ...chooseArms(options.arms ?? null, kind === "generated"),
    seeds: options.seeds ?? (kind === "generated" ? [11n, 12n, 13n, 14n, 15n, 16n, 17n, 18n] : [11n, 12n, 13n, 14n]),
    budgets: options.budgets ?? (kind === "generated" ? [320, 1024] : [null]),
  };
}

/** The name of a folder's study. @throws UsageError where it is that of another study, whose results would be overwritten */
function folderName(folder: string): string {
  const name = basename(resolve(folder));
  if (name !== "" && !studyKind.options.some((kind) => kind === name)) return name;
  throw new UsageError(
    `a folder called "${name}" would have its results where ${name === "" ? "nobody finds them" : "another study has its own"}`,
    `Call it otherwise, or give it by a link of another name: \`ln -s ${folder} my-pictures\`, then --data my-pictures.`,
  );
}

async function openExisting(folder: string): Promise<Store | null> {
  return Store.open(folder).catch((error: unknown) => {
    if ((error as { name?: string }).name === "StoreMissing") return null;
    throw error;
  });
}

/** Where a study's results and page lie: `docs/study.md` and `docs/study/`, of another set `docs/study-NAME.md` and `docs/study-NAME/`. */
export function studyFiles(out: string, study: string): { results: string; page: string; plots: string } {
  const name = study === "generated" ? "study" : `study-${study}`;
  return { results: join(out, name, "results.json"), page: join(out, `${name}.md`), plots: join(out, name) };
}

/** This call of the command, as it stands whenever asked. */
function sessionOf(jobs: number, tensorflow: string | null): () => StudySession {
  const started = new Date();
  const command = ["./peco", ...withoutFolders(process.argv.slice(2))].join(" ");
  const { memoryBytes, ...rest } = machine();
  const common = {
    started: started.toISOString(),
    jobs,
    command,
    revision: shortRevision(),
    machine: { ...rest, memoryGiB: Math.round(memoryBytes / 2 ** 30) },
    software: software(tensorflow),
  };
  return () => ({ ...common, seconds: Math.round((Date.now() - started.getTime()) / 1000) });
}

/** The checkout's revision in short, with a + where files differ from it; null where there is no git. */
function shortRevision(): string | null {
  const { revision: whole, changed } = revision();
  return whole === null ? null : `${whole.slice(0, 12)}${changed ? "+" : ""}`;
}

/** What a study is written from, and where. */
interface StudyRecord {
  readonly study: Study;
  readonly store: Store;
  readonly files: ReturnType<typeof studyFiles>;
  readonly results: ResultsFile;
  readonly display: Display;
}

/** Writes results and page from what the store has. @param session null: this call has carried out nothing */
async function write(
  { study, store, files, results: file, display }: StudyRecord,
  session: StudySession | null,
  failed: readonly FailedCell[],
): Promise<Answer> {
  const { results, movedTo } = await file.write(await collect(study, store), session);
  if (movedTo !== null)
    display.line(`${file.path} held other figures than this recipe has in this store: they are in ${movedTo} now`);
  await writeStudyPage(results, files);
  const document: z.infer<typeof studyDocument> = {
    study: study.name,
    results: files.results,
    page: files.page,
    rows: results.rows.length,
    failed: failed.map(({ cell, error }) => ({
      cell: cellName(cell),
      seed: String(cell.seed),
      message: failureOf(error).message,
    })),
  };
  const text = [
    ...document.failed.map(({ cell, seed, message }) => `failed: seed ${seed}, ${cell}: ${message}`),
    `${results.rows.length} rows in ${files.results}`,
    `page: ${files.page}`,
  ].join("\n");
  const [first] = failed;
  return { document, text, ...(first === undefined ? {} : { exitCode: failureOf(first.error).exitCode }) };
}

/** Words of a command line without where its store and its results lie, which is nobody else's concern. */
export function withoutFolders(words: readonly string[]): string[] {
  const folders = ["--store", "--out"];
  return words.filter(
    (word, at) =>
      !folders.includes(word) &&
      !folders.includes(words[at - 1] ?? "") &&
      !folders.some((option) => word.startsWith(`${option}=`)),
  );
}

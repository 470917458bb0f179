import { randomInt } from "node:crypto";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ensureFolder } from "./atomic-file.ts";
import { ObjectMissing, storeErrorOf } from "./errors.ts";
import { FolderBackend } from "./folder-backend.ts";
import { encode, parseFile } from "./json-file.ts";
import { type MetricsLine, metricsLine, type RunRecord, runRecord, storeFormat } from "./schemas.ts";

/** The form of a run's id: the second it was created, in UTC, and four letters or digits. */
export const runId = z.string().regex(/^\d{8}-\d{6}-[0-9a-z]{4}$/, "is no run id");

/** A new run's record, before it has an id. */
export type NewRun = Omit<RunRecord, "format" | "id" | "created">;

/**
 * The runs of the command, a folder each: `run.json`, `metrics.jsonl`, and whatever its maker puts beside them
 * (`report.html`, logs).
 */
export class Runs {
  readonly #folder: string;
  readonly #files: FolderBackend;

  /** @param temporary where unfinished files lie, on the same disk */
  constructor(folder: string, temporary: string) {
    this.#folder = folder;
    this.#files = new FolderBackend(folder, temporary);
  }

  /** Makes a run's folder with its `run.json`. */
  async create(run: NewRun): Promise<RunRecord> {
    const now = new Date();
    for (;;) {
      const id = newId(now);
      if (!(await this.#claim(id))) continue;
      const record = runRecord.parse({ ...run, format: storeFormat, id, created: now.toISOString() });
      await this.write(record);
      return record;
    }
  }

  /** The folder of a run. */
  folder(id: string): string {
    return join(this.#folder, runId.parse(id));
  }

  /** Replaces `run.json`, whole or not at all. */
  async write(record: RunRecord): Promise<void> {
    await this.#files.put(`${runId.parse(record.id)}/run.json`, encode(runRecord.parse(record)));
  }

  /** Writes a file beside `run.json`, such as `report.html`, whole or not at all; its path. */
  async writeFile(id: string, name: string, content: string | Uint8Array): Promise<string> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await this.#files.put(`${runId.parse(id)}/${name}`, bytes);
    return join(this.folder(id), name);
  }

  /**
   * A run's record.
   *
   * @throws ObjectMissing CorruptObject StoreFormatError
   */
  async read(id: string): Promise<RunRecord> {
    const name = `${id}/run.json`;
    const bytes = runId.safeParse(id).success ? await this.#files.get(name) : null;
    if (bytes === null) throw this.#missing(id);
    return parseFile(runRecord, bytes, this.#files.locate(name));
  }

  /** The ids of all runs with a record, oldest first. */
  async list(): Promise<string[]> {
    const ids = await this.#folders();
    const heads = await Promise.all(ids.map((id) => this.#files.head(`${id}/run.json`)));
    return ids.filter((_, i) => heads[i] !== null);
  }

  /** Folders of runs that were killed before they had a record. */
  async withoutRecord(): Promise<{ id: string; modifiedMs: number }[]> {
    const whole = new Set(await this.list());
    const others = (await this.#folders()).filter((id) => !whole.has(id));
    const found = await Promise.all(
      others.map(async (id) => ({ id, modifiedMs: (await stat(this.folder(id)).catch(() => null))?.mtimeMs })),
    );
    return found.flatMap(({ id, modifiedMs }) => (modifiedMs === undefined ? [] : [{ id, modifiedMs }]));
  }

  /**
   * The id that a text stands for: itself, the one id that it begins, or the newest for `last`.
   *
   * @throws ObjectMissing when there is none, or more than one
   */
  async resolve(text: string): Promise<string> {
    const ids = await this.list();
    const matching = text === "last" ? ids.slice(-1) : ids.filter((id) => id.startsWith(text));
    const [first] = matching;
    if (matching.length === 1 && first !== undefined) return first;
    if (matching.length > 1) {
      throw new ObjectMissing(`"${text}" begins ${matching.length} runs: ${matching.join(", ")}`, {
        path: this.#folder,
        remedy: "Write more of the id.",
      });
    }
    throw this.#missing(text);
  }

  /** Adds lines to `metrics.jsonl`. What a kill left of a line is closed first. */
  async appendMetrics(id: string, lines: readonly MetricsLine[]): Promise<void> {
    if (lines.length === 0) return;
    const path = join(this.folder(id), "metrics.jsonl");
    const text = lines.map((line) => `${JSON.stringify(metricsLine.parse(line))}\n`).join("");
    try {
      const handle = await open(path, "a+");
      try {
        const { size } = await handle.stat();
        const { buffer } =
          size === 0 ? { buffer: Buffer.from("\n") } : await handle.read(Buffer.alloc(1), 0, 1, size - 1);
        await handle.appendFile(buffer.toString() === "\n" ? text : `\n${text}`);
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw storeErrorOf(error, path, "write");
    }
  }

  /** The lines of `metrics.jsonl`; what is no whole line is counted, not returned. */
  async metrics(id: string): Promise<{ lines: MetricsLine[]; damaged: number }> {
    const bytes = await this.#files.get(`${runId.parse(id)}/metrics.jsonl`);
    const texts = new TextDecoder()
      .decode(bytes ?? new Uint8Array())
      .split("\n")
      .filter((text) => text !== "");
    const lines = texts.flatMap((text) => parseLine(text) ?? []);
    return { lines, damaged: texts.length - lines.length };
  }

  /** Removes a run's folder. The artifacts it made stay until they are collected. */
  async remove(id: string): Promise<void> {
    const folder = this.folder(id);
    try {
      // without its record it is no run any more, whatever happens next
      await rm(join(folder, "run.json"), { force: true });
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      throw storeErrorOf(error, folder, "write");
    }
  }

  async #claim(id: string): Promise<boolean> {
    try {
      await ensureFolder(this.#folder);
      await mkdir(this.folder(id));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw storeErrorOf(error, this.folder(id), "write");
    }
  }

  async #folders(): Promise<string[]> {
    try {
      return (await readdir(this.#folder)).filter((name) => runId.safeParse(name).success).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw storeErrorOf(error, this.#folder, "read");
    }
  }

  #missing(text: string): ObjectMissing {
    return new ObjectMissing(`there is no run ${JSON.stringify(text)} in ${this.#folder}`, {
      path: this.#folder,
      remedy: "`./peco runs ls` lists the runs there are; --store DIR names another store.",
    });
  }
}

function newId(now: Date): string {
  const [day, time] = now.toISOString().replaceAll(/[-:]/g, "").split(/[T.]/);
  return `${day}-${time}-${randomInt(36 ** 4)
    .toString(36)
    .padStart(4, "0")}`;
}

function parseLine(text: string): MetricsLine | null {
  try {
    return metricsLine.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

import { constants, existsSync } from "node:fs";
import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { UnwritableFileError } from "../unwritable-file.ts";
import { readResults } from "./report.ts";
import { type StudyResults, type StudyRow, type StudySession, studyResults } from "./results.ts";

/** A study's `results.json`, written anew as more is finished. Figures that the new ones do not contain are moved aside, never lost. */
export class ResultsFile {
  readonly path: string;
  /** What lay there before and has not been written over yet. */
  #earlier: StudyResults | null;
  #sessions: readonly StudySession[] = [];

  private constructor(path: string, earlier: StudyResults | null) {
    this.path = path;
    this.#earlier = earlier;
  }

  /**
   * Makes its folder, so that a place where nothing can be written is known before hours of training.
   *
   * @throws UsageError where the file is no study's results
   * @throws UnwritableFileError
   */
  static async open(path: string): Promise<ResultsFile> {
    try {
      await mkdir(dirname(path), { recursive: true });
      await access(dirname(path), constants.W_OK);
    } catch (error) {
      throw new UnwritableFileError("--out", path, error);
    }
    return new ResultsFile(path, existsSync(path) ? await readResults(path) : null);
  }

  /**
   * Writes what is finished by now. The sessions of before stay where all their rows are among the new ones; else they are
   * another store's or another recipe's, and the file is first given another name.
   *
   * @param session the call that carries out the study; null where it has done nothing
   * @returns the results as written, and the path that the earlier ones were moved to, if they were
   */
  async write(
    collected: Omit<StudyResults, "sessions">,
    session: StudySession | null,
  ): Promise<{ results: StudyResults; movedTo: string | null }> {
    const earlier = this.#earlier;
    const goesOn = earlier === null || contains(collected, earlier);
    if (earlier !== null && goesOn) this.#sessions = earlier.sessions;
    const results = studyResults.parse({
      ...collected,
      sessions: [...this.#sessions, ...(session === null ? [] : [session])],
    });
    const movedTo = goesOn ? null : freeName(this.path);
    if (movedTo !== null) await rename(this.path, movedTo);
    await writeFile(`${this.path}.part`, `${JSON.stringify(results, null, 1)}\n`);
    await rename(`${this.path}.part`, this.path);
    this.#earlier = null;
    return { results, movedTo };
  }
}

/** Whether figures are of the same recipe as earlier ones and have all their rows, of the same artifacts. */
function contains(collected: Omit<StudyResults, "sessions">, earlier: StudyResults): boolean {
  const nameOf = ({ arm, seed, budget }: StudyRow) => `${arm} ${seed} ${budget}`;
  const artifacts = new Map(collected.rows.map((row) => [nameOf(row), row.artifacts]));
  const isThere = (row: StudyRow) => isDeepStrictEqual(artifacts.get(nameOf(row)), row.artifacts);
  return isDeepStrictEqual(collected.recipe, earlier.recipe) && earlier.rows.every(isThere);
}

/** `results-1.json`, or the first number that is free. */
function freeName(path: string): string {
  for (let number = 1; ; number++) {
    const name = path.replace(/\.json$/, `-${number}.json`);
    if (!existsSync(name)) return name;
  }
}

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** How often a line of progress is written. */
const everyMs = 3000;

/** Tells how far a job of known size is, in bytes, with an estimate of the time that is left. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #log: (line: string) => void;
  readonly #started = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #done = 0;
  #told = performance.now();

  constructor(what: string, total: number, log: (line: string) => void) {
    this.#what = what;
    this.#total = total;
    this.#log = log;
  }

  /** Follows a job of another program by the size of the folder that it writes to. */
  static ofFolder(what: string, folder: string, total: number, log: (line: string) => void): Progress {
    const progress = new Progress(what, total, log);
    progress.#timer = setInterval(() => {
      void folderBytes(folder).then((bytes) => progress.#set(bytes));
    }, everyMs);
    progress.#timer.unref();
    return progress;
  }

  /** Counts bytes that are done. */
  add(bytes: number): void {
    this.#set(this.#done + bytes);
  }

  /** Ends the reports. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #set(done: number): void {
    this.#done = done;
    const now = performance.now();
    if (now - this.#told < everyMs * 0.9) return;
    this.#told = now;
    const share = Math.min(1, done / this.#total);
    const left = share > 0.01 ? ((now - this.#started) / 1000) * (1 / share - 1) : undefined;
    const estimate = left === undefined ? "" : `, about ${Math.ceil(left)} s left`;
    this.#log(`${this.#what}: ${Math.floor(share * 100)} % of ${Math.ceil(this.#total / 1e6)} MB${estimate}`);
  }
}

/** Bytes in a folder's files; what disappears meanwhile counts nothing. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

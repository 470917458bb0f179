/** What a command gives back: one JSON document, its picture as text, and the exit code. */
export interface Answer {
  /** Printed by `--json`; its schema is in docs/json.md. */
  document: unknown;
  /** Printed otherwise; no closing newline. */
  text: string;
  /** @default 0 */
  exitCode?: number;
}

/** Runs a command and prints its answer: the document under `--json`, the text otherwise. */
export async function answer<O extends { json?: boolean }>(options: O, command: (options: O) => Promise<Answer>): Promise<void> {
  const { document, text, exitCode } = await command(options);
  print(options.json === true ? JSON.stringify(document, null, 2) : text);
  process.exitCode = exitCode ?? 0;
}

/** Writes a text to standard output, with a closing newline when there is any. */
export function print(text: string): void {
  if (text !== "") process.stdout.write(`${text}\n`);
}

/** Fields that our errors carry beside the message (docs/architecture.md, "Errors"). */
export interface Failure {
  message: string;
  exitCode: number;
  remedy?: string;
  path?: string;
}

/** An error as something to print: ours as they are, all others as a fault of the program (70). */
export function asFailure(error: unknown): Failure & { stack?: string } {
  if (!(error instanceof Error)) return { message: String(error), exitCode: 70 };
  const { exitCode, remedy, path } = error as Error & Partial<Failure>;
  if (typeof exitCode !== "number") {
    const system = systemFailure(error);
    return system ?? { message: error.message, exitCode: 70, ...(error.stack === undefined ? {} : { stack: error.stack }) };
  }
  return { message: error.message, exitCode, ...(remedy === undefined ? {} : { remedy }), ...(path === undefined ? {} : { path }) };
}

/** Errors of the operating system that a user can mend, wherever they come from. */
function systemFailure(error: Error): Failure | undefined {
  const { code, path } = error as NodeJS.ErrnoException;
  const where = path === undefined ? {} : { path };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return { message: `the disk is full${path === undefined ? "" : ` (${path})`}`, exitCode: 73, remedy: "Free some space, then run the same command again.", ...where };
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return { message: error.message, exitCode: 73, remedy: "Make the place writable, or name another with --store.", ...where };
    default:
      return undefined;
  }
}

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
export async function answer<O extends { json?: boolean }>(
  options: O,
  command: (options: O) => Promise<Answer>,
): Promise<void> {
  const { document, text, exitCode } = await command(options);
  print(options.json === true ? JSON.stringify(document, null, 2) : text);
  process.exitCode = exitCode ?? 0;
}

/** Writes a text to standard output, with a closing newline when there is any. */
export function print(text: string): void {
  if (text !== "") process.stdout.write(`${text}\n`);
}

/** Thrown when a file that a command was asked for cannot be written. Exit code 73. */
export class UnwritableFileError extends Error {
  override readonly name = "UnwritableFileError";
  readonly exitCode = 73;
  readonly path: string;
  readonly remedy = "Name a file in a folder that is there, can be written and has room.";

  constructor(option: string, path: string, cause: unknown) {
    super(`${option} ${path} cannot be written: ${(cause as Error).message}`, { cause });
    this.path = path;
  }
}

/** Thrown when a command's words are off: an unknown option value, a missing argument. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly exitCode = 64;
  readonly remedy: string;
  constructor(message: string, remedy = "Look at the command's --help.") {
    super(message);
    this.remedy = remedy;
  }
}

/** Thrown when a stage's specification cannot be used. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly exitCode = 64;
  readonly remedy = "Correct the specification; docs/architecture.md names its parts.";
  readonly path: string;
  constructor(from: string, path: string, what: string) {
    super(`${from}: ${path === "" ? "" : `${path} `}${what}`);
    this.path = path;
  }
}

/** Thrown when a stage was asked to stop and has done so. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  readonly exitCode = 130;
  readonly remedy = "Run the same command again: it goes on from the last checkpoint.";
  constructor(stage: string) {
    super(`${stage} was cancelled`);
  }
}

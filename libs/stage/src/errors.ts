/** Thrown when a stage's specification cannot be used. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly exitCode = 64;
  readonly remedy = "Correct the specification; proto/peco/stage/v1/stage.proto names its parts.";
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

/** Thrown when a stage is asked for that was never started here. */
export class StageUnknown extends Error {
  override readonly name = "StageUnknown";
  readonly exitCode = 65;
  readonly remedy = "Start the stage first.";
  constructor(key: string) {
    super(`no stage with the key ${key} was started here`);
  }
}

/** Thrown when a service ends: by a stage that it ran, which has written its checkpoint, and when it is asked to start one. */
export class ServiceEnding extends Error {
  override readonly name = "ServiceEnding";
  readonly exitCode = 75;
  readonly remedy = "Start the command again.";
  constructor() {
    super("the service was asked to end");
  }
}

/** Thrown when a service's process did not come up. */
export class ServiceNotStarted extends Error {
  override readonly name = "ServiceNotStarted";
  readonly exitCode = 75;
  readonly remedy = "Look at the service's log, then start the command again.";
  constructor(name: string, why: string) {
    super(`the ${name} service did not start: ${why}`);
  }
}

/** Thrown when a service died again and again without getting further. */
export class ServiceKeptFailing extends Error {
  override readonly name = "ServiceKeptFailing";
  readonly exitCode = 75;
  readonly remedy: string;
  constructor(name: string, times: number, how: string, killed: boolean) {
    super(`the ${name} service ended ${times} times without getting further, the last time ${how}`);
    this.remedy = killed
      ? "It was killed, perhaps for want of memory: close other programs or choose a smaller batch, then start the command again."
      : "Look at the service's log, then start the command again.";
  }
}

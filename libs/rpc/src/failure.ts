/** A failure as data: what a user is told, what a process exits with, what goes over the wire. */
export interface Failure {
  /** Kind of failure: the error's class, such as `StoreFull`. */
  readonly name: string;
  readonly message: string;
  /** Of the table in docs/architecture.md. */
  readonly exitCode: number;
  /** One sentence that says what to do; empty when there is nothing to say. */
  readonly remedy: string;
  /** The file or recipe path in question; empty when there is none. */
  readonly path: string;
}

/** Thrown when another process failed: the failure that it reported, as if it had been thrown here. */
export class RemoteFailure extends Error {
  readonly exitCode: number;
  readonly remedy: string;
  readonly path: string;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = failure.name;
    this.exitCode = failure.exitCode;
    this.remedy = failure.remedy;
    this.path = failure.path;
  }
}

/** What an error says of itself. Errors that carry no exit code: an abort is 130, a full or unwritable disk 73, all others are faults of the program, 70. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return fault("Error", String(error));
  const { exitCode, remedy, path } = error as Error & { exitCode?: unknown; remedy?: unknown; path?: unknown };
  const where = typeof path === "string" ? path : "";
  if (typeof exitCode === "number") {
    return {
      name: error.name,
      message: error.message,
      exitCode,
      remedy: typeof remedy === "string" ? remedy : "",
      path: where,
    };
  }
  if (error.name === "AbortError") {
    return { name: "Cancelled", message: "cancelled", exitCode: 130, remedy: "", path: "" };
  }
  const exhausted = mendable[(error as NodeJS.ErrnoException).code ?? ""];
  return exhausted === undefined
    ? fault(error.name, error.message)
    : { name: error.name, message: error.message, exitCode: exhausted.exitCode, remedy: exhausted.remedy, path: where };
}

/** Errors of the operating system that a user can mend, whoever runs into them. */
const mendable: Readonly<Record<string, { exitCode: number; remedy: string }>> = {
  ENOSPC: { exitCode: 73, remedy: "Free some space, then start again: it goes on from the last checkpoint." },
  EDQUOT: { exitCode: 73, remedy: "Free some space, then start again: it goes on from the last checkpoint." },
  EROFS: { exitCode: 73, remedy: "Make the place writable, or name another store with --store DIR." },
  ENOMEM: { exitCode: 137, remedy: "Close other programs, or choose a smaller batch in the recipe." },
};

function fault(name: string, message: string): Failure {
  return {
    name,
    message,
    exitCode: 70,
    remedy: "This is a fault of the program; please report it with the log.",
    path: "",
  };
}

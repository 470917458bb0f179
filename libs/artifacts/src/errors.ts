/** What a failure that a user can mend carries: an exit code of the table in docs/architecture.md, the file, what to do. */
interface Mend {
  readonly path: string;
  readonly remedy: string;
}

/** Base of the store's failures; never thrown itself. */
export abstract class StoreError extends Error {
  abstract readonly exitCode: number;
  /** The file or folder in question. */
  readonly path: string;
  /** One sentence that says what to do. */
  readonly remedy: string;

  constructor(message: string, mend: Mend, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.path = mend.path;
    this.remedy = mend.remedy;
  }
}

/** Thrown when a store or an object in it may not be written: permissions, a read-only file system. */
export class StoreNotWritable extends StoreError {
  readonly exitCode = 73;
}

/** Thrown when the disk, or the quota on it, is full. */
export class StoreFull extends StoreError {
  readonly exitCode = 73;
}

/** Thrown when a store or an object in it exists but may not be read. */
export class StoreNotReadable extends StoreError {
  readonly exitCode = 65;
}

/** Thrown when a folder that should be a store does not exist or is none. */
export class StoreMissing extends StoreError {
  readonly exitCode = 65;
}

/** Thrown when a store, or a file in it, was written by a newer version, or is not what its place says. */
export class StoreFormatError extends StoreError {
  readonly exitCode = 76;
}

/** Thrown when bytes read back do not match the SHA-256 that names them. */
export class CorruptObject extends StoreError {
  readonly exitCode = 76;
}

/** Thrown when an artifact, blob, run or result that was asked for is not in the store. */
export class ObjectMissing extends StoreError {
  readonly exitCode = 65;
}

/** Thrown when another process works on the stage; names it. */
export class LeaseHeld extends StoreError {
  readonly exitCode = 75;
}

/** Thrown when this process no longer holds a lease that it had: it slept too long, and another took over. */
export class LeaseLost extends StoreError {
  readonly exitCode = 75;
}

/** The failure that a file system's error stands for, or the error itself when it is none that a user can mend. */
export function storeErrorOf(error: unknown, path: string, doing: "read" | "write"): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new StoreFull(
        `no space left to write ${path}`,
        {
          path,
          remedy:
            "Free some space (`./peco clean` says what takes it), or name a store on another disk with --store DIR.",
        },
        error,
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return doing === "write"
        ? new StoreNotWritable(
            `cannot write ${path} (${code})`,
            { path, remedy: "Make the store's folder writable, or name another with --store DIR." },
            error,
          )
        : new StoreNotReadable(
            `cannot read ${path} (${code})`,
            { path, remedy: "Make the store's folder readable, or name another with --store DIR." },
            error,
          );
    case "ENOTDIR":
    case "EEXIST":
      return new StoreNotWritable(
        `cannot write ${path}: a file is where a folder should be (${code})`,
        { path, remedy: "Name a folder with --store DIR." },
        error,
      );
    default:
      return error;
  }
}

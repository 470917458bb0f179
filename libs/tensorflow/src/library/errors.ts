/**
 * A failure to find, fetch or load libtensorflow that a user can mend. `exitCode` follows the table of sysexits that
 * the command line uses; `remedy` is one sentence that says what to do; `path` is set where a file or folder is at fault.
 */
export abstract class LibraryError extends Error {
  abstract readonly exitCode: number;
  readonly remedy: string;
  readonly path: string | undefined;

  constructor(message: string, remedy: string, options: { path?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.remedy = remedy;
    this.path = options.path;
  }
}

/** Thrown when no libtensorflow is published for this operating system, processor or C library. */
export class UnsupportedPlatformError extends LibraryError {
  readonly exitCode = 64;
}

/** Thrown when neither pip nor uv is on the PATH. */
export class InstallerMissingError extends LibraryError {
  readonly exitCode = 64;
}

/** Thrown when the library is not where it was looked for; the message lists every place. */
export class LibraryNotFoundError extends LibraryError {
  readonly exitCode = 65;
}

/** Thrown when a file is there but is not a libtensorflow that this package can use: damaged, another build, too old. */
export class WrongLibraryError extends LibraryError {
  readonly exitCode = 76;
}

/** Thrown when the wheel that was delivered is not the pinned one, bit by bit. */
export class WheelMismatchError extends LibraryError {
  readonly exitCode = 76;
}

/** Thrown when the cache can't be written, or its disk is full. */
export class CacheNotWritableError extends LibraryError {
  readonly exitCode = 73;
}

/** Thrown when pip or uv could not deliver the wheel: no network, no such file at the index. */
export class DownloadError extends LibraryError {
  readonly exitCode = 75;
}

/** Base of the failures of data that a user can mend; never thrown itself. Exit codes as in docs/architecture.md. */
export abstract class DataError extends Error {
  abstract readonly exitCode: number;
  /** The file or folder in question, where there is one. */
  readonly path: string | undefined;
  /** One sentence that says what to do. */
  readonly remedy: string;

  constructor(message: string, mend: { path?: string; remedy: string }, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.path = mend.path;
    this.remedy = mend.remedy;
  }
}

/** Thrown when the folder of pictures does not exist, may not be read, or is a file. */
export class FolderUnusable extends DataError {
  readonly exitCode = 65;
}

/** Thrown when a folder has no pictures, or fewer than training, validation and test need. */
export class TooFewPictures extends DataError {
  readonly exitCode = 65;
}

/** Thrown when there is a folder for one class only, so that there is nothing to tell apart. */
export class OneClassOnly extends DataError {
  readonly exitCode = 65;
}

/** Thrown when a class has too few different pictures; names it. */
export class ClassTooSmall extends DataError {
  readonly exitCode = 65;
}

/** Thrown when the class folders of train, validation and test are not the same ones; names them. */
export class ClassesDiffer extends DataError {
  readonly exitCode = 65;
}

/** Thrown when pictures lie both in class folders and beside them, or parts of a split beside other folders: it is not clear what was meant. */
export class MixedLayout extends DataError {
  readonly exitCode = 65;
}

/** Thrown when a tar file is cut off or is none; names the member and the byte. */
export class TarDamaged extends DataError {
  readonly exitCode = 65;
}

/** Thrown when pictures and what says their classes do not belong together; names both. */
export class LabelsUnusable extends DataError {
  readonly exitCode = 65;
}

/** Thrown when a picture cannot be decoded and the recipe says that this is fatal (`data.folder.onCorrupt: fail`); names it. */
export class CorruptPicture extends DataError {
  readonly exitCode = 65;
}

/** Thrown when a file changed, or went, between the moment the data were identified and the moment they were read. */
export class FileChanged extends DataError {
  readonly exitCode = 75;
}

/** Thrown when a pack's files are not what its index says. */
export class CorruptPack extends DataError {
  readonly exitCode = 76;
}

/** The message of a pack's damage that reading comes upon; null when it comes upon none. */
export function problemOf(read: () => unknown): string | null {
  try {
    read();
    return null;
  } catch (error) {
    if (error instanceof CorruptPack) return error.message;
    throw error;
  }
}

/** Thrown when batches are asked for that cannot be made: an empty selection, a step below 0, a wrong option. `path` names the option. */
export class BatchOptionsError extends DataError {
  readonly exitCode = 64;
}

/** Thrown when a worker thread ended without an answer. */
export class WorkerFailed extends DataError {
  readonly exitCode = 70;
}

const classes = [
  FolderUnusable,
  TooFewPictures,
  OneClassOnly,
  ClassTooSmall,
  ClassesDiffer,
  MixedLayout,
  TarDamaged,
  LabelsUnusable,
  CorruptPicture,
  FileChanged,
  CorruptPack,
  BatchOptionsError,
  WorkerFailed,
];

/** An error as plain data, to cross to another thread. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly path: string | undefined;
  readonly remedy: string | undefined;
  readonly stack: string | undefined;
}

/** What {@link reviveError} makes an error of again. */
export function plainError(error: unknown): PlainError {
  const { name, message, stack, path, remedy } = (
    error instanceof Error ? error : new Error(String(error))
  ) as Partial<DataError> & Error;
  return { name, message, stack, path, remedy };
}

/** The error of another thread: of its own class where it is one of this file. */
export function reviveError({ name, message, path, remedy, stack }: PlainError): Error {
  const known = classes.find((candidate) => candidate.name === name);
  const error = known
    ? new known(message, { ...(path === undefined ? {} : { path }), remedy: remedy ?? "" })
    : Object.assign(new Error(message), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}

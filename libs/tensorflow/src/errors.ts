/** TensorFlow's status codes by number; the closed set of `TensorFlowError.code`. */
const CODES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** A status code of TensorFlow. */
export type TensorFlowCode = (typeof CODES)[number];

/** The name of a status number. */
export function codeName(number: number): TensorFlowCode {
  return CODES[number] ?? "UNKNOWN";
}

/** What was being done when TensorFlow refused. */
export interface Operands {
  /** TensorFlow's name of the operation or function. */
  readonly op?: string | undefined;
  /** Its inputs as text, such as `float32[2,3]`. */
  readonly inputs?: readonly string[] | undefined;
}

/**
 * Thrown when TensorFlow answers with a status other than OK, and where a call would have been wrong before it got there (a freed
 * tensor, a wrong dtype). The message begins with the code and names the operation and its inputs' dtypes and shapes.
 */
export class TensorFlowError extends Error {
  override readonly name = "TensorFlowError";
  readonly code: TensorFlowCode;
  readonly op: string | undefined;
  readonly inputs: readonly string[];

  constructor(code: TensorFlowCode, message: string, { op, inputs = [] }: Operands = {}) {
    super(`${code}: ${op === undefined ? "" : `${op}(${inputs.join(", ")}): `}${message}`);
    this.code = code;
    this.op = op;
    this.inputs = inputs;
  }
}

/** Thrown when a function that is being traced does what a program can't hold: reads a value, draws on the host, keeps a variable. */
export class TracingError extends Error {
  override readonly name = "TracingError";
}

/** Thrown when a tree or a leaf does not have the structure, shape or dtype that is needed; the message names the path. */
export class TreeError extends Error {
  override readonly name = "TreeError";
}

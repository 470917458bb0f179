import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { z } from "zod";
import { type Failure, failureOf, RemoteFailure } from "./failure.ts";

/** The one table: which gRPC status stands for an exit code of docs/architecture.md. */
const statusByExitCode: Readonly<Record<number, status>> = {
  64: status.INVALID_ARGUMENT,
  65: status.FAILED_PRECONDITION,
  66: status.ABORTED,
  70: status.INTERNAL,
  73: status.RESOURCE_EXHAUSTED,
  75: status.UNAVAILABLE,
  76: status.DATA_LOSS,
  130: status.CANCELLED,
  137: status.RESOURCE_EXHAUSTED,
};

/** What a status means that came without a failure of ours: from gRPC itself, or from a foreign server. */
const exitCodeByStatus: Readonly<Record<number, number>> = {
  [status.CANCELLED]: 130,
  [status.INVALID_ARGUMENT]: 64,
  [status.OUT_OF_RANGE]: 64,
  [status.UNAUTHENTICATED]: 64,
  [status.PERMISSION_DENIED]: 64,
  [status.NOT_FOUND]: 65,
  [status.FAILED_PRECONDITION]: 65,
  [status.DEADLINE_EXCEEDED]: 75,
  [status.RESOURCE_EXHAUSTED]: 75,
  [status.UNAVAILABLE]: 75,
  [status.UNIMPLEMENTED]: 76,
  [status.DATA_LOSS]: 76,
};

/** Trailing metadata that carries the whole failure; `-bin` allows any Unicode. */
const failureKey = "peco-failure-bin";
const failureSchema = z.object({
  name: z.string(),
  message: z.string(),
  exitCode: z.int(),
  remedy: z.string(),
  path: z.string(),
});

/** Thrown when a service cannot be reached, or was lost during a call. */
export class ServiceLost extends Error {
  override readonly name = "ServiceLost";
  readonly exitCode = 75;
  readonly remedy = "Start the command again; if it happens again, the log of the service says why.";
}

/** An error as gRPC sends it: status, message, and the failure for clients of ours. Stack and cause stay here. */
export function toStatus(error: unknown): { code: status; details: string; metadata: Metadata } {
  const failure = failureOf(error);
  const metadata = new Metadata();
  metadata.set(failureKey, Buffer.from(JSON.stringify(failure)));
  // what we say ourselves is meant: a client's retry policy is for what happens on the way
  metadata.set("grpc-retry-pushback-ms", "-1");
  return { code: statusByExitCode[failure.exitCode] ?? status.UNKNOWN, details: failure.message, metadata };
}

/**
 * The error that a call's status stands for.
 *
 * @param cancelled whether this side cancelled the call; if not, a server that was made to stop cut it off
 */
export function fromStatus(error: ServiceError, cancelled = false): RemoteFailure | ServiceLost {
  const failure = sentFailure(error.metadata);
  if (failure !== undefined) return new RemoteFailure(failure);
  const cutOff = error.code === status.CANCELLED && !cancelled;
  if (error.code === status.UNAVAILABLE || cutOff)
    return new ServiceLost(`the service cannot be reached: ${error.details}`);
  const exitCode = exitCodeByStatus[error.code] ?? 70;
  return new RemoteFailure({
    name: status[error.code] ?? "UNKNOWN",
    message: error.details,
    exitCode,
    remedy: "",
    path: "",
  });
}

function sentFailure(metadata: Metadata | undefined): Failure | undefined {
  const [bytes] = metadata?.get(failureKey) ?? [];
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    return failureSchema.parse(JSON.parse(bytes.toString("utf8")));
  } catch {
    return undefined;
  }
}

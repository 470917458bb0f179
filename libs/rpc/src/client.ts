import {
  type ChannelOptions,
  type ClientReadableStream,
  credentials,
  type CallOptions as GrpcCallOptions,
  Client as GrpcClient,
  type Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { span, traceHeaders } from "@peco/telemetry";
import { bearer } from "./authentication.ts";
import { limited, limitOptions } from "./message-limit.ts";
import type { Method, Methods, RequestOf, ResponseOf } from "./method.ts";
import { fromStatus } from "./status-table.ts";

/** A service and what opens it. */
export interface Endpoint {
  /** `host:port` */
  readonly address: string;
  readonly token: string;
}

/** How one call is made. */
export interface CallOptions {
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** Time that the call may take. @default 30 000 for one answer, without end for a stream */
  readonly timeoutMs?: number;
}

/** A function for each method of a service. */
export type Calls<S extends Methods> = {
  readonly [N in keyof S]: (
    request: RequestOf<S[N]>,
    options?: CallOptions,
  ) => S[N]["responseStream"] extends true ? AsyncIterable<ResponseOf<S[N]>> : Promise<ResponseOf<S[N]>>;
};

/** A service of another process. */
export type Client<S extends Methods> = Calls<S> & {
  /** Ends the connection; calls under way fail. */
  close(): void;
};

const unaryTimeoutMs = 30_000;

const options: ChannelOptions = {
  ...limitOptions,
  // a server that was started again is found quickly
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1000,
  // a peer that is gone without a word is noticed
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 60_000,
  // every method of ours may be repeated: it is idempotent, or pure. A stream is repeated only before its first message
  "grpc.service_config": JSON.stringify({
    methodConfig: [
      {
        name: [{}],
        retryPolicy: {
          maxAttempts: 5,
          initialBackoff: "0.1s",
          maxBackoff: "2s",
          backoffMultiplier: 2,
          retryableStatusCodes: ["UNAVAILABLE"],
        },
      },
    ],
  }),
};

/**
 * Connects to a service, when the first call is made. Calls throw the failure that the service reported, as
 * `RemoteFailure`, or `ServiceLost` when there is no service; they carry the trace of the active span.
 */
export function connect<S extends Methods>(contract: S, { address, token }: Endpoint): Client<S> {
  const client = new GrpcClient(address, credentials.createInsecure(), options);
  const calls = Object.entries(contract).map(([name, method]) => [
    name,
    method.responseStream
      ? (request: never, call?: CallOptions) => stream(client, token, method, request, call)
      : (request: never, call?: CallOptions) => once(client, token, method, request, call),
  ]);
  return { ...(Object.fromEntries(calls) as Calls<S>), close: () => client.close() };
}

function once(
  client: GrpcClient,
  token: string,
  method: Method,
  request: never,
  { signal, timeoutMs = unaryTimeoutMs }: CallOptions = {},
): Promise<unknown> {
  return span(
    method.path.slice(1),
    { "rpc.system.name": "grpc" },
    () => {
      const bytes = limited(method.path, method.requestSerialize(request));
      return new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const cancel = () => call.cancel();
        const call = client.makeUnaryRequest(
          method.path,
          asIs,
          method.responseDeserialize,
          bytes,
          headers(token),
          within(timeoutMs),
          (error, response) => {
            signal?.removeEventListener("abort", cancel);
            if (error === null) resolve(response);
            else reject(fromStatus(error, signal?.aborted));
          },
        );
        signal?.addEventListener("abort", cancel, { once: true });
      });
    },
    { kind: "client" },
  );
}

async function* stream(
  client: GrpcClient,
  token: string,
  method: Method,
  request: never,
  { signal, timeoutMs }: CallOptions = {},
): AsyncGenerator<unknown> {
  const bytes = limited(method.path, method.requestSerialize(request));
  signal?.throwIfAborted();
  const call: ClientReadableStream<unknown> = client.makeServerStreamRequest(
    method.path,
    asIs,
    method.responseDeserialize,
    bytes,
    headers(token),
    within(timeoutMs),
  );
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for await (const message of call) yield message;
  } catch (error) {
    throw isServiceError(error) ? fromStatus(error, signal?.aborted) : error;
  } finally {
    signal?.removeEventListener("abort", cancel);
    call.cancel();
  }
}

function headers(token: string): Metadata {
  const metadata = bearer(token);
  for (const [name, value] of Object.entries(traceHeaders())) metadata.set(name, value);
  return metadata;
}

function within(timeoutMs: number | undefined): GrpcCallOptions {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error;
}

import type {
  handleServerStreamingCall,
  handleUnaryCall,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { inTrace, type Logger, span } from "@peco/telemetry";
import { failureOf } from "./failure.ts";
import { limited } from "./message-limit.ts";
import { type Method, type Methods, type RequestOf, type ResponseOf, serviceName } from "./method.ts";
import { toStatus } from "./status-table.ts";

/** What a handler knows of its call. */
export interface Call {
  /** Aborted when the client has gone, cancelled, or its deadline has passed: work for it is of no use any more. */
  readonly signal: AbortSignal;
}

/** What a service does: a function for each method, giving a promise or, for a stream, something to iterate over. */
export type Handlers<S extends Methods> = {
  readonly [N in keyof S]: (
    request: RequestOf<S[N]>,
    call: Call,
  ) => S[N]["responseStream"] extends true ? AsyncIterable<ResponseOf<S[N]>> : Promise<ResponseOf<S[N]>>;
};

/** A service to be served by `startServer`. */
export interface Service {
  readonly name: string;
  readonly definition: ServiceDefinition;
  implementation(log: Logger): UntypedServiceImplementation;
}

type AnyHandler = (request: unknown, call: Call) => Promise<unknown> | AsyncIterable<unknown>;

/**
 * A service from its contract and what it does. A stream's next message is asked for when the one before has been
 * handed to the network, so that a slow client slows its producer down. What a handler throws goes to the client as a
 * failure, without its stack.
 */
export function service<S extends Methods>(contract: S, handlers: Handlers<S>): Service {
  const methods = Object.entries(contract);
  // messages are serialized by us, since gRPC's own limit cannot be told from a fault of the program
  const definition = Object.fromEntries(
    methods.map(([name, method]) => [name, { ...method, responseSerialize: (bytes: Buffer) => bytes }]),
  );
  return {
    name: serviceName(contract),
    definition: definition as unknown as ServiceDefinition,
    implementation: (log) =>
      Object.fromEntries(
        methods.map(([name, method]) => {
          const handler = handlers[name] as unknown as AnyHandler;
          return [name, method.responseStream ? streaming(method, handler, log) : unary(method, handler, log)];
        }),
      ),
  };
}

function unary(method: Method, handler: AnyHandler, log: Logger): handleUnaryCall<unknown, Buffer> {
  return (call, callback) => {
    const work = async () =>
      serialize(method, await (handler(call.request, { signal: signalOf(call) }) as Promise<unknown>));
    traced(method, call, work).then(
      (bytes) => callback(null, bytes),
      (error: unknown) => callback(reported(method, error, log)),
    );
  };
}

function streaming(method: Method, handler: AnyHandler, log: Logger): handleServerStreamingCall<unknown, Buffer> {
  return (call) => {
    const signal = signalOf(call);
    const work = async () => {
      for await (const message of handler(call.request, { signal }) as AsyncIterable<unknown>) {
        if (signal.aborted) return;
        await written(serialize(method, message), call, signal);
      }
    };
    traced(method, call, work).then(
      () => call.end(),
      (error: unknown) => call.emit("error", reported(method, error, log)),
    );
  };
}

/** Done when the network has taken the message, or the client has gone. */
function written(
  bytes: Buffer,
  call: { write(bytes: Buffer, done: () => void): unknown },
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      signal.removeEventListener("abort", done);
      resolve();
    };
    signal.addEventListener("abort", done, { once: true });
    call.write(bytes, done);
  });
}

function serialize(method: Method, response: unknown): Buffer {
  return limited(method.path, method.responseSerialize(response as never));
}

function traced<T>(
  method: Method,
  call: { metadata: { getMap(): Record<string, unknown> } },
  work: () => Promise<T>,
): Promise<T> {
  const headers = call.metadata.getMap() as Record<string, string>;
  return inTrace(headers, () => span(method.path.slice(1), { "rpc.system.name": "grpc" }, work, { kind: "server" }));
}

function signalOf(call: { on(event: "cancelled", heard: () => void): unknown; cancelled: boolean }): AbortSignal {
  const controller = new AbortController();
  call.on("cancelled", () => controller.abort());
  if (call.cancelled) controller.abort();
  return controller.signal;
}

function reported(method: Method, error: unknown, log: Logger): ReturnType<typeof toStatus> {
  const { exitCode } = failureOf(error);
  if (exitCode === 70) log.error({ err: error, method: method.path }, "a call failed by a fault of the program");
  return toStatus(error);
}

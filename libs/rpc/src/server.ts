import { type ChannelOptions, logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { createLogger, type Logger } from "@peco/telemetry";
import { HealthImplementation } from "grpc-health-check";
import { authenticate, newToken } from "./authentication.ts";
import { limitOptions } from "./message-limit.ts";
import { reflection } from "./reflection.ts";
import type { Service } from "./service.ts";

/** Where and how a server listens. */
export interface ServerOptions {
  readonly services: readonly Service[];
  /** @default "127.0.0.1": nothing outside this machine can connect */
  readonly host?: string;
  /** @default 0: any free port */
  readonly port?: number;
  /** What callers must know. @default a new one */
  readonly token?: string;
  /** @default a log named `rpc` */
  readonly log?: Logger;
}

/** A server that listens. */
export interface RpcServer {
  readonly port: number;
  /** `host:port`, for `connect`. */
  readonly address: string;
  readonly token: string;
  /** Takes no new calls, lets those under way end for so long, and cuts the rest off. */
  close(graceMs?: number): Promise<void>;
}

/** Thrown when another program listens on the port that was asked for. */
export class PortInUse extends Error {
  override readonly name = "PortInUse";
  readonly exitCode = 75;
  readonly remedy = "Stop the program that uses the port, or leave the port out: then any free one is taken.";
  constructor(address: string) {
    super(`${address} is in use by another program`);
  }
}

/** Thrown when an address cannot be listened on for another reason. */
export class CannotListen extends Error {
  override readonly name = "CannotListen";
  readonly exitCode = 64;
  readonly remedy = "Name an address of this machine, and a port that this user may use.";
  constructor(address: string, why: string) {
    super(`cannot listen on ${address}: ${why.replaceAll("\n", " ")}`);
  }
}

// gRPC's own lines say what our errors say again, in no form of ours
if (process.env["GRPC_VERBOSITY"] === undefined) setLogVerbosity(logVerbosity.NONE);

const options: ChannelOptions = { ...limitOptions, "grpc.keepalive_permit_without_calls": 1 };

/**
 * Serves some services, with health (open to all) and reflection.
 *
 * @throws PortInUse CannotListen
 */
export async function startServer({
  services,
  host = "127.0.0.1",
  port = 0,
  token = newToken(),
  log = createLogger("rpc"),
}: ServerOptions): Promise<RpcServer> {
  const server = new Server({ ...options, interceptors: [authenticate(token)] });
  for (const { definition, implementation } of services) server.addService(definition, implementation(log));
  const serving = Object.fromEntries(
    ["", ...services.map(({ name }) => name)].map((name) => [name, "SERVING" as const]),
  );
  const health = new HealthImplementation(serving);
  health.addToServer(server);
  reflection(services.map(({ name }) => name)).addToServer(server);
  const bound = await listen(server, `${host.includes(":") ? `[${host}]` : host}:${port}`);
  const close = async (graceMs = 5000) => {
    for (const name of Object.keys(serving)) health.setStatus(name, "NOT_SERVING");
    await shutDown(server, graceMs);
  };
  return { port: bound, address: `${host.includes(":") ? `[${host}]` : host}:${bound}`, token, close };
}

function listen(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else
        reject(
          error.message.includes("EADDRINUSE") ? new PortInUse(address) : new CannotListen(address, error.message),
        );
    });
  });
}

function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

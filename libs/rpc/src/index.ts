export { type CallOptions, type Calls, type Client, connect, type Endpoint } from "./client.ts";
export { type Failure, failureOf, RemoteFailure } from "./failure.ts";
export { MessageTooLarge, maxMessageBytes } from "./message-limit.ts";
export type { Method, Methods, RequestOf, ResponseOf } from "./method.ts";
export { type ResumeOptions, resumeStream } from "./resume-stream.ts";
export { CannotListen, PortInUse, type RpcServer, type ServerOptions, startServer } from "./server.ts";
export { type Call, type Handlers, type Service, service } from "./service.ts";
export { fromStatus, ServiceLost, toStatus } from "./status-table.ts";

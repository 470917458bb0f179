export { type Failure, failureOf, RemoteFailure } from "./failure.ts";

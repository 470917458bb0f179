import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Metadata, ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";

const scheme = "Bearer ";
/** Orchestrators ask for health without any secret. */
const open = "/grpc.health.v1.Health/";

/** A token that nobody guesses. */
export function newToken(): string {
  return randomBytes(24).toString("base64url");
}

/** The metadata that opens a service. */
export function bearer(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", scheme + token);
  return metadata;
}

/** Refuses every call without the token, except those that ask for health. */
export function authenticate(token: string): ServerInterceptor {
  const expected = hash(scheme + token);
  return (method, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, proceed) {
            const [given] = metadata.get("authorization");
            if (method.path.startsWith(open) || timingSafeEqual(hash(String(given)), expected))
              return proceed(metadata);
            call.sendStatus({ code: status.UNAUTHENTICATED, details: "the call does not carry this service's token" });
          },
        });
      },
    });
}

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

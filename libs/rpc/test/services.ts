import { masking, tokenizer } from "@peco/proto";
import { createLogger } from "@peco/telemetry";
import { type Handlers, type RpcServer, type ServerOptions, service, startServer } from "../src/index.ts";

/** The contracts that the tests speak: one call with one answer, one with a stream. */
export const tokenizerContract = tokenizer.TokenizerServiceService;
export const maskingContract = masking.MaskingServiceService;

const quiet = createLogger("test", { level: "silent" });

/** Serves handlers of the tokenizer's contract; those left out never answer. */
export function serveTokenizer(
  handlers: Partial<Handlers<typeof tokenizerContract>>,
  options: Partial<ServerOptions> = {},
): Promise<RpcServer> {
  const never = () => new Promise<never>(() => {});
  return startServer({
    services: [service(tokenizerContract, { tokenize: never, describe: never, ...handlers })],
    log: quiet,
    ...options,
  });
}

/** Serves the masking contract's stream. */
export function serveMasking(
  batches: Handlers<typeof maskingContract>["batches"],
  options: Partial<ServerOptions> = {},
): Promise<RpcServer> {
  return startServer({ services: [service(maskingContract, { batches })], log: quiet, ...options });
}

/** A description with one field set. */
export function description(artifact: string): tokenizer.DescribeResponse {
  return { artifact, codebookSize: 0, pictureSize: 0, rows: 0, columns: 0, maxPicturesPerCall: 0, maxMessageBytes: 0 };
}

/** A request for some steps' batches. */
export function batchesFrom(fromStep: number, toStep: number): masking.BatchesRequest {
  return { data: "", store: "", stage: "", recipeJson: "", seed: 0n, fromStep, toStep };
}

/** A piece of a batch with so many bytes. */
export function piece(step: number, bytes = 1): masking.BatchesResponse {
  return { step, name: "pictures", type: 1, shape: [bytes], offset: 0, data: Buffer.alloc(bytes), last: true };
}

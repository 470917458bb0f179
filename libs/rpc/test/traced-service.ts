import { createLogger, span, startTelemetry } from "@peco/telemetry";
import { description, serveTokenizer } from "./services.ts";

// a service in a process of its own: its calls leave spans, and a log line inside one
const telemetry = await startTelemetry("traced-service");
const log = createLogger("traced-service");
const server = await serveTokenizer({
  describe: () =>
    span("work", {}, async () => {
      log.info("working");
      return description("traced");
    }),
});
process.stdout.write(`${JSON.stringify({ address: server.address, token: server.token })}\n`);
process.stdin.resume();
process.stdin.once("end", () => {
  void (async () => {
    await server.close();
    await telemetry.shutdown();
    process.exit(0);
  })();
});

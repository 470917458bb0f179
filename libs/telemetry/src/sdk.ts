import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Telemetry } from "./telemetry.ts";

const shutdownMs = 3000;

/** Registers tracer, context and propagation for the whole process; loaded only when a collector is named. */
export function startSdk(service: string): Telemetry {
  const provider = new TracerProvider({
    // what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes first
    resource: resourceFromAttributes({ "service.name": service, "process.pid": process.pid }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(exporterOptions()) })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return { shutdown: () => stop(provider) };
}

/** By default a collector that is away is tried for as long as the end of the process may wait, not for 10 s. */
function exporterOptions(): { timeoutMillis?: number } {
  const { env } = process;
  const set = env["OTEL_EXPORTER_OTLP_TIMEOUT"] ?? env["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"];
  return set === undefined ? { timeoutMillis: shutdownMs } : {};
}

/** A collector that does not answer must not keep the process. */
async function stop(provider: TracerProvider): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, shutdownMs);
  });
  await Promise.race([provider.shutdown().catch(() => {}), late]);
  clearTimeout(timer);
}

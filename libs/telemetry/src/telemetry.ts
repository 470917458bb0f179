/** Telemetry of a process. */
export interface Telemetry {
  /** Sends what has not been sent yet, for at most a few seconds. To be called before the process ends. Never throws. */
  shutdown(): Promise<void>;
}

const off: Telemetry = { shutdown: () => Promise.resolve() };

/**
 * Sets up OpenTelemetry when OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) names a collector;
 * otherwise nothing is loaded. Spans go out by OTLP over HTTP; the standard OTEL_* variables hold.
 *
 * @param service the process's name in traces, such as `peco-pretrainer`, unless OTEL_SERVICE_NAME gives another
 */
export async function startTelemetry(service: string): Promise<Telemetry> {
  const { env } = process;
  const endpoint = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] ?? env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (endpoint === undefined || endpoint === "" || env["OTEL_SDK_DISABLED"] === "true") return off;
  const { startSdk } = await import("./sdk.ts");
  return startSdk(service);
}

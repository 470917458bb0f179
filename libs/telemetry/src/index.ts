export { createLogger, type Logger, type LogOptions } from "./logger.ts";
export { type Attributes, inTrace, type Span, type SpanOptions, span, traceHeaders } from "./span.ts";
export { startTelemetry, type Telemetry } from "./telemetry.ts";

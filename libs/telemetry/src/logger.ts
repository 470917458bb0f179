import { trace } from "@opentelemetry/api";
import { destination, type LevelWithSilent, type Logger, pino } from "pino";

export type { Logger };

/** How a log is set up. */
export interface LogOptions {
  /** Least level that is written. @default "info", or what PECO_LOG_LEVEL says */
  level?: LevelWithSilent;
  /** Written on every line. */
  fields?: Readonly<Record<string, unknown>>;
}

const levels: readonly string[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/**
 * A log that writes JSON lines to standard error, never to standard output, with the ids of the span it is written in.
 *
 * Lines are written at once, so that a process that is killed has said what it did; a reader that has gone away is
 * no failure of the program.
 */
export function createLogger(name: string, { level, fields = {} }: LogOptions = {}): Logger {
  const stream = destination({ dest: 2, sync: true });
  stream.on("error", () => {});
  return pino(
    {
      name,
      level: level ?? levelFromEnvironment(),
      base: { ...fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: traceIds,
    },
    stream,
  );
}

function levelFromEnvironment(): LevelWithSilent {
  const wanted = process.env["PECO_LOG_LEVEL"];
  return wanted !== undefined && levels.includes(wanted) ? (wanted as LevelWithSilent) : "info";
}

function traceIds(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId };
}

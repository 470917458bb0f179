import { type Attributes, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

export type { Attributes, Span };

/** What a span is besides a piece of work inside a process. */
export interface SpanOptions {
  readonly kind?: "client" | "server";
}

const kinds = { client: SpanKind.CLIENT, server: SpanKind.SERVER, internal: SpanKind.INTERNAL };

/**
 * Runs `body` inside a span, a child of the span that is active. A failure is noted on the span and thrown on.
 * Costs next to nothing when telemetry is off.
 */
export async function span<T>(
  name: string,
  attributes: Attributes,
  body: (span: Span) => T | Promise<T>,
  { kind }: SpanOptions = {},
): Promise<T> {
  const options = { attributes, kind: kinds[kind ?? "internal"] };
  return trace.getTracer("peco").startActiveSpan(name, options, async (active) => {
    try {
      return await body(active);
    } catch (error) {
      if (error instanceof Error) active.recordException(error);
      active.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      active.end();
    }
  });
}

/** The active span as W3C trace context headers (`traceparent`, `tracestate`), to send with a call; none when telemetry is off. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** Runs `body` as a part of the trace that came with a call's headers. */
export function inTrace<T>(headers: Readonly<Record<string, string>>, body: () => T): T {
  return context.with(propagation.extract(context.active(), headers), body);
}

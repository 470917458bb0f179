import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json, text } from "node:stream/consumers";
import { span, startTelemetry, type Telemetry } from "@peco/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { tokenizerContract } from "../test/services.ts";
import { connect, type Endpoint } from "./index.ts";

const exported = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({
        attributes: z.array(
          z.object({ key: z.string(), value: z.looseObject({ stringValue: z.string().optional() }) }),
        ),
      }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              name: z.string(),
              traceId: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().optional(),
              kind: z.number(),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** The spans that a collector was sent by OTLP over HTTP, with the service of each. */
class Collector {
  readonly spans: {
    service: string | undefined;
    name: string;
    traceId: string;
    spanId: string;
    parentSpanId?: string | undefined;
    kind: number;
  }[] = [];
  readonly #server: Server = createServer((request, response) => {
    void this.#take(request).then(() => response.setHeader("content-type", "application/json").end("{}"));
  });
  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  close(): void {
    this.#server.close();
  }
  async #take(request: IncomingMessage): Promise<void> {
    expect(request.url).toBe("/v1/traces");
    for (const { resource, scopeSpans } of exported.parse(await json(request)).resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue;
      for (const found of scopeSpans.flatMap(({ spans }) => spans)) this.spans.push({ ...found, service });
    }
  }
}

describe("a trace", () => {
  const collector = new Collector();
  let telemetry: Telemetry;
  beforeAll(async () => {
    process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = await collector.listen();
    telemetry = await startTelemetry("traced-caller");
  });
  afterAll(() => {
    collector.close();
    delete process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  });

  it("joins the spans of a caller and of the service that it calls, and the service's log", async () => {
    const child = spawn(process.execPath, [new URL("../test/traced-service.ts", import.meta.url).pathname], {
      stdio: "pipe",
    });
    const errors = text(child.stderr);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const client = connect(tokenizerContract, JSON.parse(line.toString()) as Endpoint);
    await span("run", { seed: 1 }, () => client.describe({ artifact: "" }));
    client.close();
    child.stdin.end();
    expect(await once(child, "exit")).toEqual([0, null]);
    await telemetry.shutdown();

    const method = "peco.tokenizer.v1.TokenizerService/Describe";
    const [run, call, served, work] = [
      collector.spans.find(({ name }) => name === "run"),
      collector.spans.find(({ name, kind }) => name === method && kind === 3),
      collector.spans.find(({ name, kind }) => name === method && kind === 2),
      collector.spans.find(({ name }) => name === "work"),
    ];
    expect([run, call, served, work].map((found) => found?.service)).toEqual([
      "traced-caller",
      "traced-caller",
      "traced-service",
      "traced-service",
    ]);
    expect([call, served, work].map((found) => found?.parentSpanId)).toEqual([
      run?.spanId,
      call?.spanId,
      served?.spanId,
    ]);
    expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(JSON.parse(await errors)).toMatchObject({
      msg: "working",
      level: "info",
      traceId: work?.traceId,
      spanId: work?.spanId,
    });
  });
});

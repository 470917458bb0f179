import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const here = new URL("./index.ts", import.meta.url).href;

/** Runs a module's text in a process of its own; `telemetry` is this library. */
function run(body: string, env: Record<string, string> = {}): Promise<{ stdout: string; stderr: string }> {
  const text = `const loaded = []; import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const telemetry = await import(${JSON.stringify(here)}); ${body}`;
  return promisify(execFile)(process.execPath, ["--input-type=module", "-e", text], {
    env: { ...process.env, ...env },
  });
}

describe("telemetry", () => {
  const loadedSdk = `await telemetry.startTelemetry("x"); console.log(loaded.some((url) => url.includes("sdk-trace")));`;

  it("loads nothing of the SDK unless a collector is named", async () => {
    expect((await run(loadedSdk)).stdout).toBe("false\n");
    expect((await run(loadedSdk, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" })).stdout).toBe("true\n");
  });

  it("does not keep a process whose collector is away, and hides no failure", async () => {
    const body = `const t = await telemetry.startTelemetry("x");
      try { await telemetry.span("a", {}, () => { throw new Error("as it was"); }); } catch (e) { console.log(e.message); }
      await t.shutdown(); console.log("ended");`;
    expect((await run(body, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" })).stdout).toBe("as it was\nended\n");
  });

  it("logs to standard error only, one JSON line each", async () => {
    const { stdout, stderr } = await run(
      `const log = telemetry.createLogger("x", { fields: { stage: "toy" } }); log.info({ step: 3 }, "working"); log.debug("unseen");`,
      { PECO_LOG_LEVEL: "info" },
    );
    expect(stdout).toBe("");
    expect(JSON.parse(stderr)).toMatchObject({ level: "info", name: "x", stage: "toy", step: 3, msg: "working" });
  });

  it("goes on when nobody reads its log any more", async () => {
    const body = `import { openSync, closeSync } from "node:fs"; const log = telemetry.createLogger("x");
      await new Promise((r) => process.stdin.once("data", r));
      for (let i = 0; i < 100; i++) { log.info("x".repeat(1000)); await new Promise((r) => setImmediate(r)); } console.log("alive"); process.exit(0);`;
    const text = `const telemetry = await import(${JSON.stringify(here)}); ${body}`;
    const { spawn } = await import("node:child_process");
    const child = spawn(process.execPath, ["--input-type=module", "-e", text], { stdio: "pipe" });
    child.stderr.destroy();
    child.stdin.write("go\n");
    let out = "";
    child.stdout.on("data", (bytes: Buffer) => {
      out += bytes.toString();
    });
    await new Promise((resolve) => child.once("exit", resolve));
    expect(out).toBe("alive\n");
  });
});

import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { failureOf, type Service, startServer } from "@peco/rpc";
import { createLogger, type Logger, startTelemetry } from "@peco/telemetry";
import { SpecError } from "./errors.ts";
import { executeStage } from "./execute-stage.ts";
import { endRequested, endWithinMs, withinLimit } from "./process-end.ts";
import { type ReadyLine, tokenVariable, withParentFlag } from "./service-protocol.ts";
import { type Stage, stageNamed } from "./stage.ts";
import type { Outcome } from "./stage-event.ts";
import { StageRuns } from "./stage-runs.ts";
import { stageService } from "./stage-service.ts";
import { parseSpec } from "./stage-spec.ts";

/** What a service is told on its command line besides where to listen. */
export interface ServeOptions {
  /** `--store DIR` */
  readonly store: string | undefined;
  /** `--artifact DIGEST` */
  readonly artifact: string | undefined;
  readonly log: Logger;
}

/** A service's program. */
export interface ServiceProgram {
  /** Such as `pretrainer`. */
  readonly name: string;
  readonly stages: Readonly<Record<string, Stage>>;
  /** What it serves besides the stage contract. */
  services?(options: ServeOptions): readonly Service[] | Promise<readonly Service[]>;
}

const usage = `Usage:
  serve [--host H] [--port P] [--store DIR] [--artifact DIGEST] [${withParentFlag}]
      Serves gRPC, on a free port of this machine unless told otherwise, and prints one JSON line: {address, port, token}.
      ${tokenVariable} chooses the token. ${withParentFlag}: ends when its standard input does.
  run --spec FILE
      Runs one stage to its end and prints one JSON line: {artifact, metrics, cached, seconds}.
      The specification is JSON; FILE may be - for standard input.
On SIGTERM a checkpoint is written, and the process ends within ${endWithinMs / 1000} s.
`;

/**
 * The whole life of a service's process, from its command line (`serve`, or `run --spec FILE`) to its exit code.
 * Standard output gets one JSON line, `{failure}` when it failed; all else is the log on standard error.
 */
export async function serveOrRun(program: ServiceProgram): Promise<void> {
  const log = createLogger(program.name);
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "a fault of the program");
    process.exit(70);
  });
  const telemetry = await startTelemetry(`peco-${program.name}`);
  let exitCode: number;
  try {
    exitCode = await command(program, log);
  } catch (error) {
    const failure = failureOf(error);
    log.error(failure.exitCode === 70 ? { err: error } : failure, failure.message);
    await printLine({ failure });
    exitCode = failure.exitCode;
  }
  await telemetry.shutdown();
  process.exit(exitCode);
}

async function command(program: ServiceProgram, log: Logger): Promise<number> {
  const [verb, ...words] = process.argv.slice(2);
  if (verb === "serve") return serve(program, log, words);
  if (verb === "run") return run(program, log, words);
  process.stderr.write(usage);
  return verb === "--help" ? 0 : 64;
}

async function serve(program: ServiceProgram, log: Logger, words: string[]): Promise<number> {
  const asked = parse(words, {
    host: { type: "string" },
    port: { type: "string" },
    store: { type: "string" },
    artifact: { type: "string" },
    "with-parent": { type: "boolean" },
  });
  const end = endRequested(asked["with-parent"] === true);
  const runs = new StageRuns(program.stages, log);
  const own = await program.services?.({ store: asked.store, artifact: asked.artifact, log });
  const token = process.env[tokenVariable];
  delete process.env[tokenVariable];
  const server = await startServer({
    services: [stageService(runs), ...(own ?? [])],
    log,
    ...(asked.host === undefined ? {} : { host: asked.host }),
    ...(asked.port === undefined ? {} : { port: portNumber(asked.port) }),
    ...(token === undefined ? {} : { token }),
  });
  await printLine({ address: server.address, port: server.port, token: server.token });
  log.info({ why: await end }, "ending");
  const stopped = await withinLimit(runs.end(), log);
  await server.close(500);
  return stopped ? 130 : 0;
}

async function run(program: ServiceProgram, log: Logger, words: string[]): Promise<number> {
  const { spec: file } = parse(words, { spec: { type: "string" } });
  if (file === undefined) throw new SpecError("run", "--spec", "is missing");
  const spec = parseSpec(await readJson(file), file);
  const stage = stageNamed(program.stages, spec.stage, file);
  const stop = new AbortController();
  const stageLog = log.child({ stage: spec.stage, run: spec.run });
  const work = executeStage(stage, spec, {
    emit: (event) => stageLog.info({ event }, event.kind),
    signal: stop.signal,
    log: stageLog,
  });
  void endRequested(false).then((why) => {
    log.info({ why }, "ending");
    stop.abort();
    return withinLimit(
      work.catch(() => {}),
      log,
    );
  });
  await printLine(await work);
  return 0;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(file === "-" ? await text(process.stdin) : await readFile(file, "utf8"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SpecError(file, "", code === undefined ? "is not JSON" : `cannot be read (${code})`);
  }
}

function parse<const O extends NonNullable<ParseArgsConfig["options"]>>(args: string[], options: O) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new SpecError("command line", "", (error as Error).message);
  }
}

function portNumber(digits: string): number {
  const port = Number(digits);
  if (!/^\d+$/.test(digits) || port > 65_535) throw new SpecError("command line", "--port", `${digits} is no port`);
  return port;
}

function printLine(line: ReadyLine | Outcome): Promise<void> {
  return new Promise((resolve) => {
    // a reader that has gone is noticed elsewhere
    process.stdout.on("error", () => resolve());
    process.stdout.write(`${JSON.stringify(line)}\n`, () => resolve());
  });
}

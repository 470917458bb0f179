import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { build, type Plugin } from "esbuild";

/** What a child process is asked to run. */
export interface Orders {
  readonly shard: number;
  readonly shards: number;
  /** Names of specs that have an answer already. */
  readonly done: readonly string[];
  /** Parts of the names of specs that are left out. */
  readonly leftOut: readonly string[];
  /** A regular expression; only specs whose name fits are run. */
  readonly only: string;
}

/** What a child process says. */
export interface Message {
  readonly name: string;
  readonly status: "started" | "passed" | "failed" | "pending" | "left out" | "finished" | (string & {});
  readonly reasons?: readonly string[];
}

/** What came of all specs. */
export interface Outcome {
  readonly passed: string[];
  readonly failed: { readonly name: string; readonly reasons: readonly string[] }[];
  /** Specs that tfjs-core itself marks as not to be run. */
  readonly pending: string[];
  readonly leftOut: string[];
}

const packageRoot = new URL("../../", import.meta.url).pathname;

// An ES5 class can't call the constructor of an ES2015 one, which is what tfjs-core's modules hold. (Outside this bundle
// Node takes tfjs-core's other build, which is ES5 throughout.)
const es5Backend: Plugin = {
  name: "es5-backend",
  setup({ onLoad }) {
    onLoad({ filter: /nodejs_kernel_backend\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace("_super.call(this)", "Reflect.construct(_super, [], new.target)"),
    }));
  },
};

/**
 * Bundles tfjs-core's published specs with the backend in `backend` and returns the bundle's path. They are ES modules
 * without file extensions, which Node can't import; and the package says that its modules have no side effects, so
 * without `ignoreAnnotations` all specs would be dropped.
 */
export async function bundleSpecs(backend: string): Promise<string> {
  // Beside node_modules, so that what stays outside the bundle is found.
  const folder = `${packageRoot}node_modules/.conformance`;
  mkdirSync(folder, { recursive: true });
  const outfile = `${folder}/specs.mjs`;
  await build({
    entryPoints: [`${packageRoot}test/conformance/specs.ts`],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    ignoreAnnotations: true,
    // One copy of tfjs-core, the one that the specs are part of.
    mainFields: ["module", "main"],
    alias: { "backend-under-test": backend, "@tensorflow/tfjs": "@tensorflow/tfjs-core" },
    external: ["koffi", "node-fetch", "string_decoder/"],
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
    plugins: [es5Backend],
    logLevel: "error",
  });
  return outfile;
}

/**
 * Runs the specs of a bundle in `shards` child processes and collects what came of each. A spec during which the process
 * dies has failed; a new process goes on behind it.
 */
export async function runSpecs(
  bundle: string,
  { shards, leftOut, only = "" }: { shards: number; leftOut: readonly string[]; only?: string },
): Promise<Outcome> {
  const outcome: Outcome = { passed: [], failed: [], pending: [], leftOut: [] };
  const all = Array.from({ length: shards }, (_, shard) => runShard(bundle, { shard, shards, leftOut, only }, outcome));
  await Promise.all(all);
  return outcome;
}

async function runShard(bundle: string, orders: Omit<Orders, "done">, outcome: Outcome): Promise<void> {
  const done: string[] = [];
  for (;;) {
    const { finished, running, end } = await runChild(bundle, { ...orders, done }, (message) => {
      done.push(message.name);
      if (message.status === "passed") outcome.passed.push(message.name);
      else if (message.status === "failed") outcome.failed.push({ name: message.name, reasons: message.reasons ?? [] });
      else if (message.status === "left out") outcome.leftOut.push(message.name);
      else outcome.pending.push(message.name);
    });
    if (finished) return;
    // Without a spec to blame the next process would end the same way.
    if (running === undefined) throw new Error(`The specs could not be run: ${end}`);
    done.push(running);
    outcome.failed.push({ name: running, reasons: [`the process died: ${end}`] });
  }
}

async function runChild(
  bundle: string,
  orders: Orders,
  onDone: (message: Message) => void,
): Promise<{ finished: boolean; running: string | undefined; end: string }> {
  const child = spawn(process.execPath, [bundle], {
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3" },
    stdio: ["pipe", "ignore", "pipe", "pipe"],
  });
  // An environment variable could not hold so many names.
  child.stdin?.end(JSON.stringify(orders));
  let errors = "";
  child.stderr?.on("data", (chunk) => {
    errors = `${errors}${chunk}`.slice(-2000);
  });
  let finished = false;
  let running: string | undefined;
  const lines = createInterface({ input: child.stdio[3] as Readable });
  lines.on("line", (line) => {
    const message = JSON.parse(line) as Message;
    if (message.status === "finished") finished = true;
    else if (message.status === "started") running = message.name;
    else {
      running = undefined;
      onDone(message);
    }
  });
  const [[code, signal]] = await Promise.all([once(child, "close"), once(lines, "close")]);
  return { finished: finished && code === 0, running, end: `exit code ${code}, signal ${signal}. ${errors}` };
}

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { z } from "zod";

const ready = z.object({ ready: z.literal(true), versions: z.record(z.string(), z.string()), choice: z.string() });
const answer = z.object({ ms: z.array(z.number()), loss: z.number() });

/** Where the peers' programs are. */
export const peersFolder = `${import.meta.dirname}/../peers`;

/** What a step can be written in beside ours. */
export type Framework = "torch" | "jax";

/** Those of some frameworks that a Python has. */
export function installedPeers(python: string, wanted: readonly Framework[]): Framework[] {
  const has = (name: string) =>
    spawnSync(python, ["-c", `import ${name}, safetensors`], { stdio: "ignore" }).status === 0;
  return wanted.filter(has);
}

/** Those that it has not; how to install them is logged. */
export function missingPeers(
  { python, log }: { python: string; log: (text: string) => void },
  installed: readonly Framework[],
  wanted: readonly Framework[],
): Framework[] {
  const missing = wanted.filter((name) => !installed.includes(name));
  for (const name of missing)
    log(
      `${name} is not installed for ${python}: pip install ${name === "jax" ? "'jax[cpu]'" : name} safetensors numpy`,
    );
  return missing;
}

/** A Python process that runs steps of one case in one variant when it is told to. */
export class Peer implements AsyncDisposable {
  readonly variant: string;
  versions: Record<string, string> = {};
  choice = "";
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  private constructor(variant: string, child: ChildProcess) {
    this.variant = variant;
    this.#child = child;
    this.#reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Starts `program CASE VARIANT WEIGHTS THREADS` and waits until it has compiled. @throws Error with what it said */
  static async start(options: {
    python: string;
    /** @default {@link peersFolder} */
    folder?: string;
    program: string;
    case: string;
    variant: string;
    weights: string;
    threads: number;
  }): Promise<Peer> {
    const words = [
      `${options.folder ?? peersFolder}/${options.program}.py`,
      options.case,
      options.variant,
      options.weights,
      String(options.threads),
    ];
    const child = spawn(options.python, words, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, OMP_NUM_THREADS: String(options.threads) },
    });
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => {
      said = `${said}${bytes}`.slice(-2000);
    });
    // It may end at any time; whoever waits for its next line then hears of it.
    for (const part of [child, child.stdin]) part.on("error", (error) => (said = `${said}${error.message}`));
    const ended = once(child, "close");
    const peer = new Peer(
      `${options.program.replace(/_.*/, "").replace("torch", "pytorch")}/${options.variant}`,
      child,
    );
    const first = await peer.#lines.next();
    if (first.done === true) {
      await ended;
      throw new Error(`${peer.variant} ended before it was ready: ${said.trim()}`);
    }
    ({ versions: peer.versions, choice: peer.choice } = ready.parse(JSON.parse(first.value)));
    return peer;
  }

  /** Milliseconds of each of so many steps, and the last loss. */
  async run(steps: number): Promise<z.infer<typeof answer>> {
    this.#child.stdin?.write(`${JSON.stringify({ run: steps })}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`${this.variant} ended while it ran`);
    return answer.parse(JSON.parse(line.value));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader.close();
    this.#child.stdin?.end();
    this.#child.kill("SIGKILL");
  }
}

/** Where and for what peers are started. */
export interface StartOptions {
  readonly python: string;
  readonly frameworks: readonly Framework[];
  readonly program: (framework: Framework) => string;
  readonly case: string;
  /** The file with weights and batch. */
  readonly weights: string;
  readonly threads: number;
  readonly log: (text: string) => void;
}

const variants = {
  torch: ["eager-f32", "eager-bf16", "compiled-f32", "compiled-bf16"],
  jax: ["f32", "bf16"],
} as const;

/** All variants of the peers of a case, and why some are missing. */
export async function startPeers(options: StartOptions): Promise<{ peers: Peer[]; missing: string[] }> {
  const peers: Peer[] = [];
  const missing: string[] = [];
  for (const framework of options.frameworks) {
    for (const variant of variants[framework]) {
      options.log(`${options.case}: starting ${framework} ${variant}`);
      try {
        peers.push(await Peer.start({ ...options, program: options.program(framework), variant }));
      } catch (error) {
        missing.push(`${options.case} ${framework} ${variant}: ${(error as Error).message}`);
        options.log(`${options.case}: left out: ${(error as Error).message}`);
      }
    }
  }
  return { peers, missing };
}

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { z } from "zod";

const ready = z.object({ ready: z.literal(true), versions: z.record(z.string(), z.string()), choice: z.string() });
const answer = z.object({ ms: z.array(z.number()), loss: z.number() });

/** Where the peers' programs are. */
export const peersFolder = `${import.meta.dirname}/../peers`;

/** Frameworks that a Python has, of those that can be measured. */
export function installedPeers(python: string): ("torch" | "jax")[] {
  return (["torch", "jax"] as const).filter((name) => spawnSync(python, ["-c", `import ${name}, safetensors`], { stdio: "ignore" }).status === 0);
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
  static async start(options: { python: string; program: string; case: string; variant: string; weights: string; threads: number }): Promise<Peer> {
    const words = [`${peersFolder}/${options.program}.py`, options.case, options.variant, options.weights, String(options.threads)];
    const child = spawn(options.python, words, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, OMP_NUM_THREADS: String(options.threads) } });
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => {
      said = `${said}${bytes}`.slice(-2000);
    });
    const peer = new Peer(`${options.program.replace("_peer", "").replace("torch", "pytorch")}/${options.variant}`, child);
    const first = await peer.#lines.next();
    if (first.done === true) throw new Error(`${peer.variant} ended before it was ready: ${said.trim()}`);
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

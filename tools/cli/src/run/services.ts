import { appendFile } from "node:fs/promises";
import type { ServiceName } from "@peco/recipes";
import { KeptService } from "@peco/stage";
import { checkout } from "../checkout.ts";

/** The services of one run: each is started when it is first needed, as a process on loopback, and ended with the run. */
export class Services implements AsyncDisposable {
  readonly #running = new Map<ServiceName, Promise<KeptService>>();
  readonly #logFile: string;
  readonly #note: (text: string) => void;
  readonly #env: Readonly<Record<string, string>>;
  #writing: Promise<void> = Promise.resolve();

  /** @param logFile takes what the services write to standard error */
  constructor(options: { logFile: string; note: (text: string) => void; env?: Readonly<Record<string, string>> }) {
    this.#logFile = options.logFile;
    this.#note = options.note;
    this.#env = options.env ?? {};
  }

  /** A service, started if it is not running. */
  get(name: ServiceName): Promise<KeptService> {
    const running = this.#running.get(name) ?? this.#start(name);
    this.#running.set(name, running);
    return running;
  }

  #start(name: ServiceName): Promise<KeptService> {
    return KeptService.start({
      name,
      main: `${checkout}/services/${name}/src/main.ts`,
      env: this.#env,
      onLog: (line) => this.#log(name, line),
      onRestart: ({ code, signal }) =>
        this.#note(
          `the ${name} service ${signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`}; it is started again`,
        ),
    });
  }

  /** Ends services that the run needs no more, to give their memory back. */
  async close(name: ServiceName): Promise<void> {
    const running = this.#running.get(name);
    this.#running.delete(name);
    await (await running?.catch(() => undefined))?.close();
  }

  /** Kills everything at once. */
  async kill(): Promise<void> {
    for (const running of this.#running.values()) (await running.catch(() => undefined))?.kill();
  }

  #log(name: ServiceName, line: string): void {
    this.#writing = this.#writing.then(() => appendFile(this.#logFile, `${name} ${line}\n`)).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.close(name)));
    await this.#writing;
  }
}

import type { Endpoint } from "@peco/rpc";
import { ServiceKeptFailing } from "./errors.ts";
import { describeExit, type Exit, type SpawnedService, type SpawnOptions, spawnService } from "./spawn-service.ts";

/** How a service is kept. */
export interface KeepOptions extends Omit<SpawnOptions, "at"> {
  /** How often it is started again without getting further. @default 3 */
  readonly restarts?: number;
  /** Hears that a process ended by itself and is started again. */
  readonly onRestart?: (exit: Exit) => void;
}

/**
 * A service that is started again when its process dies, on the same port and with the same token, so that those who
 * call it need not know. It is given up after some restarts in a row without `progress`.
 */
export class KeptService implements Endpoint {
  readonly address: string;
  readonly token: string;
  readonly #options: KeepOptions;
  readonly #gone = new AbortController();
  #current: SpawnedService;
  #starting: Promise<void> = Promise.resolve();
  #closing = false;
  #deaths = 0;

  private constructor(options: KeepOptions, first: SpawnedService) {
    this.#options = options;
    this.#current = first;
    this.address = first.address;
    this.token = first.token;
    this.#watch(first);
  }

  /** Starts the service; throws as `spawnService` does. */
  static async start(options: KeepOptions): Promise<KeptService> {
    return new KeptService(options, await spawnService(options));
  }

  /** Aborted when it was given up; the reason is the failure, `ServiceKeptFailing` or what kept it from starting. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Of the process that runs now, or ran last. */
  get pid(): number {
    return this.#current.pid;
  }

  /** Says that it got further: deaths before do not count any more. */
  progress(): void {
    this.#deaths = 0;
  }

  /** Asks it to write its checkpoints and end. Does nothing the second time. */
  async close(graceMs?: number): Promise<void> {
    this.#closing = true;
    await this.#starting;
    await this.#current.stop(graceMs);
  }

  /** Kills its process group at once, and starts it no more. */
  kill(): void {
    this.#closing = true;
    this.#current.kill();
  }

  #watch(service: SpawnedService): void {
    void service.exited.then((exit) => {
      service.kill();
      if (this.#closing) return;
      const { name, restarts = 3, onRestart } = this.#options;
      if (++this.#deaths > restarts) {
        return this.#gone.abort(
          new ServiceKeptFailing(name, this.#deaths, describeExit(exit), exit.signal === "SIGKILL"),
        );
      }
      onRestart?.(exit);
      this.#starting = this.#restart(service);
    });
  }

  async #restart({ port, token }: SpawnedService): Promise<void> {
    try {
      this.#current = await spawnService({ ...this.#options, at: { port, token } });
    } catch (error) {
      return this.#gone.abort(error);
    }
    if (this.#closing) this.#current.kill();
    this.#watch(this.#current);
  }
}

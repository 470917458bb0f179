import type { NumberedEvent, StageEvent } from "./stage-event.ts";

const capacity = 2000;

/**
 * The events of one attempt at a stage, kept for watchers that come late. When there are too many, the oldest `step`
 * events go first, since a later one says all that they say.
 */
export class EventLog {
  /** Number of the first event. */
  readonly first: number;
  readonly #capacity: number;
  readonly #events: NumberedEvent[] = [];
  #next: number;
  #ended = false;
  #changed = Promise.withResolvers<void>();

  constructor(first = 1, most = capacity) {
    this.first = first;
    this.#next = first;
    this.#capacity = most;
  }

  /** Whether the last event was added: `done` or `failed`. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The number that the next event gets. */
  get next(): number {
    return this.#next;
  }

  /** Adds an event; what comes after the last one is dropped. */
  add(event: StageEvent): void {
    if (this.#ended) return;
    this.#events.push({ ...event, number: this.#next++, timeMs: Date.now() });
    this.#ended = event.kind === "done" || event.kind === "failed";
    if (this.#events.length > this.#capacity) this.#drop();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** The events from a number on: those that are kept, then those to come, up to the last one or until the signal. */
  async *from(number: number, signal: AbortSignal): AsyncGenerator<NumberedEvent> {
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    let wanted = number;
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      const event = this.#events.find((kept) => kept.number >= wanted);
      if (event !== undefined) {
        wanted = event.number + 1;
        yield event;
      } else if (this.#ended) return;
      else await Promise.race([changed, aborted.promise]);
    }
  }

  #drop(): void {
    const step = this.#events.findIndex(({ kind }) => kind === "step");
    this.#events.splice(Math.max(step, 0), 1);
  }
}

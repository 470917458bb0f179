import { Display, describe, type Progress } from "../run/display.ts";

/** Lines of one of several things that go on side by side, each after its name; progress about once a minute. */
export class TaggedDisplay extends Display {
  readonly #display: Display;
  readonly #tag: string;
  #at = Number.NEGATIVE_INFINITY;

  constructor(display: Display, tag: string) {
    super();
    this.#display = display;
    this.#tag = tag;
  }

  override line(text: string): void {
    this.#display.line(`${this.#tag} | ${text}`);
  }

  override progress(progress: Progress): void {
    const now = performance.now();
    if (now - this.#at < 60_000) return;
    this.#at = now;
    this.line(describe(progress));
  }
}

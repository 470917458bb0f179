/** One stage's progress, as the display wants it. */
export interface Progress {
  stage: string;
  part: string;
  step: number;
  of: number;
  metrics: Readonly<Record<string, number>>;
  imagesPerSecond: number;
  etaSeconds: number;
}

/** Where a run shows what it does: bars in a terminal, plain lines elsewhere; always on standard error. */
export class Display {
  readonly #out: NodeJS.WriteStream;
  readonly #plainEveryMs: number;
  #barShown = false;
  #plainAt = Number.NEGATIVE_INFINITY;

  constructor(out: NodeJS.WriteStream = process.stderr, plainEveryMs = 10_000) {
    this.#out = out;
    this.#plainEveryMs = plainEveryMs;
  }

  /** A display that shows nothing, for what happens on the side. */
  quiet(): Display {
    return new Silent();
  }

  /** A line that stays. */
  line(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
  }

  /** Progress of the stage that runs: replaces the bar, or adds a line every ten seconds. */
  progress(p: Progress): void {
    if (!this.#out.isTTY) {
      const now = performance.now();
      if (now - this.#plainAt < this.#plainEveryMs && p.step !== p.of) return;
      this.#plainAt = now;
      this.#out.write(`${describe(p)}\n`);
      return;
    }
    const width = this.#out.columns ?? 80;
    this.#out.write(`\r\x1b[2K${bar(p, 20)} ${describe(p)}`.slice(0, width + 4));
    this.#barShown = true;
  }

  #clear(): void {
    if (this.#barShown) this.#out.write("\r\x1b[2K");
    this.#barShown = false;
  }
}

class Silent extends Display {
  override line(): void {}
  override progress(): void {}
}

function bar(p: Progress, width: number): string {
  const full = Math.round((p.step / Math.max(1, p.of)) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

/** `codebook 700/1000  loss 0.214  2,310 images/s  1:05 left` */
export function describe(p: Progress): string {
  const loss = p.metrics["loss"];
  return [
    `${p.stage}${p.part === "" ? "" : ` (${p.part})`} ${p.step}/${p.of}`,
    ...(loss === undefined ? [] : [`loss ${loss.toPrecision(3)}`]),
    ...(p.imagesPerSecond > 0 ? [`${Math.round(p.imagesPerSecond).toLocaleString("en")} images/s`] : []),
    ...(p.step < p.of && p.etaSeconds > 0 ? [`${clock(p.etaSeconds)} left`] : []),
  ].join("  ");
}

/** Seconds as `0:07`, `12:30` or `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

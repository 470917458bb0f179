import type { Level } from "./compare.ts";

/** A mean with its sample deviation, where there is one: `.412 ± .021`. */
export function spread(found: Pick<Level, "mean" | "deviation">): string {
  return found.deviation === null ? share(found.mean) : `${share(found.mean)} ± ${share(found.deviation)}`;
}

/** A share without its leading zero: `.412`. */
export function share(value: number): string {
  return value.toFixed(3).replace(/^(-?)0\./, "$1.");
}

/** A difference of shares with its sign: `+.034`. */
export function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${share(Math.abs(value))}`;
}

/** A table in Markdown; a cell may hold anything but a line's end. */
export function markdownTable(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heading), line(heading.map(() => "---")), ...rows.map(line)];
}

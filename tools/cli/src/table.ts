/** A cell, and whether it stands at the right of its column. */
export type Cell = string | { readonly right: string };

/** Rows under a heading, columns as wide as they need, two spaces apart; nothing but the heading when there are none. */
export function table(heading: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = (cell: Cell | undefined): string =>
    cell === undefined ? "" : typeof cell === "string" ? cell : cell.right;
  const widths = heading.map((name, i) => Math.max(name.length, ...rows.map((row) => texts(row[i]).length)));
  const lines = [heading, ...rows].map((row) =>
    widths
      .map((width, i) => {
        const column = rows[0]?.[i];
        const right = typeof column === "object";
        return right ? texts(row[i]).padStart(width) : texts(row[i]).padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
  return lines.join("\n");
}

/** Names and values below each other, `name  value`. */
export function pairs(entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join("\n");
}

/** A number of bytes: `512 B`, `3.4 MB`, `12 GB`. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${units[unit]}`;
}

/** A moment as the reader's clock shows it, to the minute. */
export function moment(iso: string): string {
  const date = new Date(iso);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** A figure with as many digits as mean something: 0.4321, 12.35, 1,234. */
export function figure(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));
}

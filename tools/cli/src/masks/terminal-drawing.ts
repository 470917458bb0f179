import type { Picture } from "./picture.ts";

const HIDDEN = "██";
const VISIBLE = "··";

/**
 * Masks for a terminal, as many side by side as fit into `width` characters, two characters a patch. With `colours` (one pixel a patch)
 * the visible patches take the picture's colours. `masks` is `uint8 [samples, rows, columns]`.
 */
export function drawMasks(
  masks: Uint8Array,
  {
    samples,
    rows,
    columns,
    width,
    colours,
  }: { samples: number; rows: number; columns: number; width: number; colours?: Picture },
): string {
  const across = Math.max(1, Math.floor((width + 3) / (2 * columns + 3)));
  const lines: string[] = [];
  for (let first = 0; first < samples; first += across) {
    for (let row = 0; row < rows; row++) {
      const tiles: string[] = [];
      for (let sample = first; sample < Math.min(samples, first + across); sample++) {
        const start = (sample * rows + row) * columns;
        tiles.push(drawRow(masks.subarray(start, start + columns), row, colours));
      }
      lines.push(tiles.join("   "));
    }
    lines.push("");
  }
  return lines.join("\n").trimEnd();
}

function drawRow(mask: Uint8Array, row: number, colours: Picture | undefined): string {
  return Array.from(mask, (hidden, column) => {
    if (hidden === 1) return HIDDEN;
    if (colours === undefined) return VISIBLE;
    const at = (row * colours.width + column) * 3;
    return `\x1b[48;2;${colours.data.subarray(at, at + 3).join(";")}m  \x1b[0m`;
  }).join("");
}

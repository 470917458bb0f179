import { centerCrop, type Picture, resizeShorterSide } from "@peco/data";
import type { OpenedPictures } from "./opened-pictures.ts";

/** Classes on a sheet, one a row, and pictures of each. */
const ROWS = 16;
const COLUMNS = 8;
const TILE = 96;
const GAP = 6;

/** A sheet of pictures, and the names of those on it, row by row. */
export interface PictureSheet {
  readonly picture: Picture;
  readonly names: readonly string[];
}

/** The first training pictures of the first classes, a class in each row; of a set without classes, the first pictures. What cannot be decoded leaves a gap. */
export async function pictureSheet(opened: SheetSource): Promise<PictureSheet> {
  const rows = chosenRows(opened);
  const width = GAP + COLUMNS * (TILE + GAP);
  const height = GAP + rows.length * (TILE + GAP);
  const sheet = { height, width, data: new Uint8Array(height * width * 3).fill(255) };
  const tile = new Uint8Array(TILE * TILE * 3);
  const names: string[] = [];
  for (const [row, places] of rows.entries()) {
    for (const [column, place] of places.entries()) {
      const picture = await opened.picture(place);
      if (picture === null) continue;
      names.push(opened.table.name(place));
      centerCrop(resizeShorterSide(picture, TILE, "bicubic"), tile, TILE);
      const [top, left] = [GAP + row * (TILE + GAP), GAP + column * (TILE + GAP)];
      for (let line = 0; line < TILE; line++) {
        const from = tile.subarray(line * TILE * 3, (line + 1) * TILE * 3);
        sheet.data.set(from, ((top + line) * width + left) * 3);
      }
    }
  }
  return { picture: sheet, names };
}

/** What a sheet is made of. */
type SheetSource = Pick<OpenedPictures, "classes" | "table" | "picture">;

function chosenRows({ classes, table }: SheetSource): number[][] {
  const train = [...table.columns.flags.keys()].filter((place) => table.split(place) === "train");
  if (classes === 0) {
    const shown = train.slice(0, ROWS * COLUMNS);
    return Array.from({ length: Math.ceil(shown.length / COLUMNS) }, (_, row) =>
      shown.slice(row * COLUMNS, (row + 1) * COLUMNS),
    );
  }
  const rows = Array.from({ length: Math.min(ROWS, classes) }, () => [] as number[]);
  for (const place of train) {
    const row = rows[table.label(place) ?? -1];
    if (row !== undefined && row.length < COLUMNS) row.push(place);
  }
  return rows;
}

/** A decoded picture in memory: `uint8 [height, width, 3]`, sRGB, row by row. */
export interface Picture {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
}

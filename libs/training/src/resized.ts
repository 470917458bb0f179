import { type HostUint8, resizeBox } from "@peco/data";

/** Square pictures `uint8 [rows, size, size, 3]` at another size, as Pillow's antialiased bicubic filter makes them. */
export function resized(pictures: HostUint8, to: number): HostUint8 {
  const [rows, from] = pictures.shape as [number, number];
  if (from === to) return pictures;
  const data = new Uint8Array(rows * to * to * 3);
  const box = { top: 0, left: 0, height: from, width: from };
  for (let row = 0; row < rows; row++) {
    const picture = pictures.data.subarray(row * from * from * 3, (row + 1) * from * from * 3);
    const out = data.subarray(row * to * to * 3, (row + 1) * to * to * 3);
    resizeBox({ data: picture, height: from, width: from }, box, { data: out, height: to, width: to }, "bicubic");
  }
  return { dtype: "uint8", shape: [rows, to, to, 3], data };
}

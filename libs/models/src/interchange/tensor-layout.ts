import type { HostArray } from "tfjs-libtensorflow";

/**
 * How a tensor lies in PyTorch's files, compared with ours. `linear`: [outputs, inputs] there, [inputs, outputs] here.
 * `patches`: a convolution [width, 3, patch, patch] there, a product with patches by row, column, channel here,
 * [patch * patch * 3, width].
 */
export type TensorLayout = "same" | "linear" | "patches";

type Shape = readonly number[];

/** The shape that PyTorch's files have for one of ours. */
export function outsideShape(layout: TensorLayout, shape: Shape): number[] {
  if (layout === "same") return [...shape];
  const [inputs, outputs] = shape as [number, number];
  if (layout === "linear") return [outputs, inputs];
  const patch = Math.round(Math.sqrt(inputs / 3));
  return [outputs, 3, patch, patch];
}

/** A tensor of PyTorch's file in our layout. `same` shares the data. */
export function fromOutside(layout: TensorLayout, { data, shape }: HostArray<"float32">): HostArray<"float32"> {
  if (layout === "same") return { dtype: "float32", shape, data };
  if (layout === "linear") {
    const [outputs, inputs] = shape as [number, number];
    return { dtype: "float32", shape: [inputs, outputs], data: transposed(data, outputs, inputs) };
  }
  const [width, channels, patch] = shape as [number, number, number];
  const ours = new Float32Array(data.length);
  eachPatchValue(patch * patch, channels, width, (there, here) => {
    ours[here] = data[there] as number;
  });
  return { dtype: "float32", shape: [patch * patch * channels, width], data: ours };
}

/** A tensor of ours in the layout of PyTorch's files. `same` shares the data. */
export function toOutside(layout: TensorLayout, { data, shape }: HostArray<"float32">): HostArray<"float32"> {
  if (layout === "same") return { dtype: "float32", shape, data };
  const [inputs, outputs] = shape as [number, number];
  if (layout === "linear") {
    return { dtype: "float32", shape: [outputs, inputs], data: transposed(data, inputs, outputs) };
  }
  const theirs = new Float32Array(data.length);
  eachPatchValue(inputs / 3, 3, outputs, (there, here) => {
    theirs[there] = data[here] as number;
  });
  return { dtype: "float32", shape: outsideShape("patches", shape), data: theirs };
}

/** Places of each weight of the patch embedding in their order (output, channel, pixel) and ours (pixel, channel, output). */
function eachPatchValue(
  pixels: number,
  channels: number,
  width: number,
  visit: (there: number, here: number) => void,
): void {
  for (let output = 0; output < width; output++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < pixels; pixel++) {
        visit((output * channels + channel) * pixels + pixel, (pixel * channels + channel) * width + output);
      }
    }
  }
}

/** The transpose of [rows, columns], in tiles: a large model has 300 million values, and whole columns miss every cache. */
function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const tile = 32;
  const out = new Float32Array(data.length);
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows);
    for (let left = 0; left < columns; left += tile) {
      const right = Math.min(left + tile, columns);
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) {
          out[column * rows + row] = data[row * columns + column] as number;
        }
      }
    }
  }
  return out;
}

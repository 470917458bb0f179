import { sizeOf } from "../dtype.ts";
import type { Operation, Program, Value } from "./program.ts";

/**
 * Floating-point operations of a program's matrix products and convolutions, 2 per multiply-add; everything else counts nothing. Taken
 * from the program as it was traced, so that a rewrite that saves work does not lower the count.
 */
export function countFlops({ operations, values }: Program): number {
  return operations.reduce((sum, operation) => sum + operationFlops(operation, values), 0);
}

/** Floating-point operations of one operation. */
export function operationFlops({ name, attributes, inputs, outputs }: Operation, values: readonly Value[]): number {
  const input = (i: number) => (values[inputs[i] as number] as Value).shape;
  const output = (values[outputs[0] as number] as Value | undefined)?.shape ?? [];
  const flag = (key: string) => attributes[key]?.value === true;
  switch (name) {
    case "MatMul":
      return 2 * sizeOf(output) * (input(0)[flag("transpose_a") ? 0 : 1] as number);
    case "BatchMatMul":
    case "BatchMatMulV2":
      return 2 * sizeOf(output) * (input(0).at(flag("adj_x") ? -2 : -1) as number);
    case "Conv2D":
    case "Conv3D":
    case "DepthwiseConv2dNative":
      return convolution(input(1), output, name);
    case "Conv2DBackpropInput":
    case "Conv3DBackpropInputV2":
    case "DepthwiseConv2dNativeBackpropInput":
      return convolution(input(1), input(2), name);
    case "Conv2DBackpropFilter":
    case "Conv3DBackpropFilterV2":
    case "DepthwiseConv2dNativeBackpropFilter":
      return convolution(output, input(2), name);
    default:
      return 0;
  }
}

/** A kernel `[..., inputs, outputs]` is applied once for each element of the forward result; depthwise, each channel has its own. */
function convolution(kernel: readonly number[], result: readonly number[], name: string): number {
  const taps = sizeOf(kernel) / (kernel.at(-1) as number);
  return 2 * sizeOf(result) * (name.startsWith("Depthwise") ? taps / (kernel.at(-2) as number) : taps);
}

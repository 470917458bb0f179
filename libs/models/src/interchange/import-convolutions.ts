import type { HostArray } from "tfjs-libtensorflow";
import type { NamedTensors } from "./read-architecture.ts";
import { WeightsMismatch, type WrongTensor } from "./weights-mismatch.ts";

/** A convolution in a PyTorch file, and where it lies in our tree. */
export interface ConvolutionName {
  /** Path of a `Conv2d`. */
  readonly ours: string;
  /** Names of its tensors in the file. */
  readonly weight: string;
  readonly bias: string;
  /** Side of the square kernel, channels in and out. */
  readonly kernel: number;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * Takes convolutions from a file's tensors: kernels from [outputs, inputs, height, width] to ours, [height, width, inputs,
 * outputs], by path.
 *
 * @param leftOut names that the file may have beside them
 * @throws WeightsMismatch naming every missing, extra or wrong tensor
 */
export function importConvolutions(
  tensors: NamedTensors,
  convolutions: readonly ConvolutionName[],
  leftOut: (name: string) => boolean = () => false,
): Record<string, HostArray<"float32">> {
  const weights: Record<string, HostArray<"float32">> = {};
  const taken = new Set<string>();
  const missing: string[] = [];
  const wrong: WrongTensor[] = [];
  const take = (name: string, shape: readonly number[], use: (found: HostArray<"float32">) => void) => {
    taken.add(name);
    const found = tensors[name];
    if (found === undefined) missing.push(name);
    else if (found.dtype !== "float32") wrong.push({ name, problem: `has ${found.dtype} values and not float32` });
    else if (found.shape.join() !== shape.join())
      wrong.push({ name, problem: `has shape [${found.shape.join(", ")}] and not [${shape.join(", ")}]` });
    else use(found as HostArray<"float32">);
  };
  for (const { ours, weight, bias, kernel, inputs, outputs } of convolutions) {
    take(weight, [outputs, inputs, kernel, kernel], (found) => {
      weights[`${ours}.kernel`] = channelsLast(found);
    });
    take(bias, [outputs], (found) => {
      weights[`${ours}.bias`] = found;
    });
  }
  const extra = Object.keys(tensors)
    .filter((name) => !taken.has(name) && !leftOut(name))
    .sort();
  if (missing.length + extra.length + wrong.length > 0) throw new WeightsMismatch({ missing, extra, wrong });
  return weights;
}

/** A kernel [outputs, inputs, height, width] as [height, width, inputs, outputs]. */
function channelsLast({ shape, data }: HostArray<"float32">): HostArray<"float32"> {
  const [outputs, inputs, height, width] = shape as [number, number, number, number];
  const pixels = height * width;
  const ours = new Float32Array(data.length);
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      const from = (output * inputs + input) * pixels;
      for (let pixel = 0; pixel < pixels; pixel++) {
        ours[(pixel * inputs + input) * outputs + output] = data[from + pixel] as number;
      }
    }
  }
  return { dtype: "float32", shape: [height, width, inputs, outputs], data: ours };
}

import type { HostArray } from "tfjs-libtensorflow";
import type { NamedTensors } from "./read-architecture.ts";
import { WeightsMismatch, type WrongTensor } from "./weights-mismatch.ts";

/** A tensor of a PyTorch file, and where it lies in our tree. */
export interface WantedTensor {
  readonly ours: string;
  readonly theirs: string;
  /** In the file. */
  readonly shape: readonly number[];
  /** To our layout. @default as it is */
  readonly convert?: (found: HostArray<"float32">) => HostArray<"float32">;
  /** What is wrong with its values, or null. @default nothing */
  readonly problem?: (values: Float32Array) => string | null;
}

/**
 * Takes tensors from a file by name, converted to ours, by path.
 *
 * @param leftOut names that the file may have beside them
 * @throws WeightsMismatch naming every missing, extra or wrong tensor
 */
export function takeTensors(
  tensors: NamedTensors,
  wanted: readonly WantedTensor[],
  leftOut: (name: string) => boolean = () => false,
): Record<string, HostArray<"float32">> {
  const weights: Record<string, HostArray<"float32">> = {};
  const missing: string[] = [];
  const wrong: WrongTensor[] = [];
  for (const each of wanted) {
    const found = tensors[each.theirs];
    const problem = found === undefined ? null : problemOf(found, each);
    if (found === undefined) missing.push(each.theirs);
    else if (problem !== null) wrong.push({ name: each.theirs, problem });
    else weights[each.ours] = (each.convert ?? ((same) => same))(found as HostArray<"float32">);
  }
  const taken = new Set(wanted.map(({ theirs }) => theirs));
  const extra = Object.keys(tensors)
    .filter((name) => !taken.has(name) && !leftOut(name))
    .sort();
  if (missing.length + extra.length + wrong.length > 0) throw new WeightsMismatch({ missing, extra, wrong });
  return weights;
}

function problemOf(found: HostArray, { shape, problem }: WantedTensor): string | null {
  if (found.dtype !== "float32") return `has ${found.dtype} values and not float32`;
  if (found.shape.join() !== shape.join()) return `has shape [${found.shape.join(", ")}] and not [${shape.join(", ")}]`;
  return problem?.(found.data as Float32Array) ?? null;
}

/** A convolution of a PyTorch file. */
export interface WantedConvolution {
  /** Path of a `Conv2d`. */
  readonly ours: string;
  /** Names of its tensors. */
  readonly weight: string;
  readonly bias: string;
  /** Side of the square kernel, channels in and out. */
  readonly kernel: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** The two tensors of a convolution. */
export function convolutionTensors({ ours, weight, bias, kernel, inputs, outputs }: WantedConvolution): WantedTensor[] {
  const shape = [outputs, inputs, kernel, kernel];
  return [
    { ours: `${ours}.kernel`, theirs: weight, shape, convert: channelsLast },
    { ours: `${ours}.bias`, theirs: bias, shape: [outputs] },
  ];
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

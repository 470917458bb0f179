import { readFileSync } from "node:fs";
import { decodeSafetensors, type HostArray, tf } from "tfjs-libtensorflow";

type Read = (name: string) => tf.Tensor;

/** The network of the fixtures: a BEiT of two blocks for pictures of 16 pixels. */
const config = {
  size: 16,
  patch: 4,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  width: 16,
  depth: 2,
  heads: 4,
  mlpRatio: 4,
  positions: "relative",
  init: "beit",
  layerScale: 0.1,
  keyBias: false,
} as const;

function read(path: string): Readonly<Record<string, HostArray>> {
  return decodeSafetensors(new Uint8Array(readFileSync(new URL(path, import.meta.url)))).tensors;
}

const references = read("../fixtures/training-steps.safetensors");

/** The perturbed network of `tools/fixtures/vision_transformer.py`, and the values of `tools/fixtures/training_steps.py`. */
export function readSteps(): { config: typeof config; network: Read; steps: Read } {
  return {
    config,
    network: reader(read("../../models/fixtures/vision-transformer.safetensors")),
    steps: reader(references),
  };
}

function reader(tensors: Readonly<Record<string, HostArray>>): Read {
  return (name) => {
    const { data, shape, dtype } = tensors[name] as HostArray;
    return tf.tensor(data as Float32Array, [...shape], dtype as "float32");
  };
}

/**
 * How far values lie from PyTorch's float64, as a share of the largest, and how far they may: twice as far as PyTorch's
 * float32 lies, or, where that happens to be nearer than rounding allows, four units in the last place.
 */
export function distanceOf(name: string, values: ArrayLike<number>): { distance: number; limit: number } {
  const wanted = references[name]?.data as Float32Array;
  const largest = Math.max(...wanted.map(Math.abs));
  const differences = Array.from(wanted, (value, i) => Math.abs(value - (values[i] as number)));
  const own = references[`${name}.float32`]?.data[0] as number;
  return { distance: Math.max(...differences) / largest, limit: Math.max(2 * own, 4 * 2 ** -24) };
}

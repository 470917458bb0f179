import type { HostArray } from "tfjs-libtensorflow";
import type { NamedTensors } from "./read-architecture.ts";
import { convolutionTensors, takeTensors, type WantedConvolution } from "./take-tensors.ts";

/** Sizes of DALL-E's encoder. */
export interface DallEShape {
  /** Channels after the first convolution; the groups have 1, 2, 4 and 8 times as many. */
  readonly hidden: number;
  readonly groups: number;
  readonly blocksPerGroup: number;
  /** Number of codes. */
  readonly codes: number;
}

/** The published encoder. */
export const dallEShape: DallEShape = { hidden: 256, groups: 4, blocksPerGroup: 2, codes: 8192 };

/**
 * Weights of DALL-E's encoder under openai's names (`blocks.input.w`, `blocks.group_1.block_1.res_path.conv_1.w`, ...), by
 * path in the tree `DallEEncoder`.
 *
 * @throws WeightsMismatch naming every missing, extra or wrong tensor
 */
export function importDallE(
  tensors: NamedTensors,
  shape: DallEShape = dallEShape,
): Record<string, HostArray<"float32">> {
  return takeTensors(tensors, convolutions(shape).flatMap(convolutionTensors));
}

function convolutions({ hidden, groups, blocksPerGroup, codes }: DallEShape): WantedConvolution[] {
  const found: WantedConvolution[] = [];
  const add = (ours: string, theirs: string, kernel: number, inputs: number, outputs: number) =>
    found.push({ ours, weight: `blocks.${theirs}.w`, bias: `blocks.${theirs}.b`, kernel, inputs, outputs });
  add("input", "input", 7, 3, hidden);
  let inputs = hidden;
  for (let group = 0; group < groups; group++) {
    const outputs = hidden * 2 ** group;
    const inner = outputs / 4;
    for (let block = 0; block < blocksPerGroup; block++) {
      const ours = `groups.${group}.${block}`;
      const theirs = `group_${group + 1}.block_${block + 1}`;
      if (inputs !== outputs) add(`${ours}.shortcut`, `${theirs}.id_path`, 1, inputs, outputs);
      for (let i = 0; i < 4; i++)
        add(
          `${ours}.path.${i}`,
          `${theirs}.res_path.conv_${i + 1}`,
          i === 3 ? 1 : 3,
          i === 0 ? inputs : inner,
          i === 3 ? outputs : inner,
        );
      inputs = outputs;
    }
  }
  add("output", "output.conv", 1, inputs, codes);
  return found;
}

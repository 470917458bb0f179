import type { HostArray } from "tfjs-libtensorflow";
import { vgg16Convolutions, vgg16Widths } from "../vgg16.ts";
import type { NamedTensors } from "./read-architecture.ts";
import { convolutionTensors, takeTensors, type WantedTensor } from "./take-tensors.ts";

/**
 * Weights of VGG-16 under torchvision's names (`features.0.weight`, ...), by path in the tree `Vgg16`; with LPIPS's weights of
 * the channels where the file has them (`lin0.model.1.weight`, ...). torchvision's classifier is left out.
 *
 * @param widths channels of the five blocks
 * @throws WeightsMismatch naming every missing, extra or wrong tensor
 */
export function importVgg16(
  tensors: NamedTensors,
  widths: readonly number[] = vgg16Widths,
): Record<string, HostArray<"float32">> {
  const weighted = Object.keys(tensors).some((name) => /^lin\d\.model\.1\.weight$/.test(name));
  const wanted = [...convolutions(widths), ...(weighted ? channelWeights(widths) : [])];
  return takeTensors(tensors, wanted, (name) => name.startsWith("classifier."));
}

/** torchvision counts convolutions, ReLUs and pools. */
function convolutions(widths: readonly number[]): WantedTensor[] {
  let number = 0;
  let inputs = 3;
  return vgg16Convolutions.flatMap((count, block) => {
    const outputs = widths[block] as number;
    const found = Array.from({ length: count }, (_, i) => {
      const theirs = `features.${number}`;
      number += 2;
      const from = i === 0 ? inputs : outputs;
      return convolutionTensors({
        ours: `blocks.${block}.${i}`,
        weight: `${theirs}.weight`,
        bias: `${theirs}.bias`,
        kernel: 3,
        inputs: from,
        outputs,
      });
    });
    number++;
    inputs = outputs;
    return found.flat();
  });
}

function channelWeights(widths: readonly number[]): WantedTensor[] {
  return widths.map((channels, block) => ({
    ours: `channelWeights.${block}`,
    theirs: `lin${block}.model.1.weight`,
    shape: [1, channels, 1, 1],
    convert: ({ data }) => ({ dtype: "float32", shape: [channels], data }),
    problem: (values) => (values.some((value) => !(value >= 0)) ? "has values below 0" : null),
  }));
}

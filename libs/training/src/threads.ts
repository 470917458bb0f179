import type { StageContext } from "@peco/stage";
import { configure } from "tfjs-libtensorflow";

/**
 * Has TensorFlow use the specification's number of threads, whatever the machine has: it changes the last bits of a result,
 * and the stage's key says it. Has to come before the stage's first tensor.
 *
 * @throws Error when TensorFlow already runs with another number in this process
 */
export function useThreads({ spec }: StageContext): void {
  configure({ intraOpThreads: spec.threads, interOpThreads: spec.threads });
}

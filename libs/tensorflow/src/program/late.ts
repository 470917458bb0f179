import { consumers } from "./passes/rewrite.ts";
import type { Operation, Program } from "./program.ts";

/**
 * For operations that could run at once, since they need only the state and constants, but are used by one later operation alone: a value
 * to wait for. Without it an optimizer's decayed slots would all be made when the step begins and be held until their gradients come: as
 * much memory again as the state.
 *
 * Only operations that lead to nothing but the next state wait. Elsewhere TensorFlow may fuse the one that waits with the one that it waits
 * for, and then it would wait for itself.
 */
export function lateOperations(program: Program): Map<Operation, number> {
  const madeAt = new Map(
    program.operations.flatMap((operation, i) => operation.outputs.map((output) => [output, i] as const)),
  );
  const prompt = promptValues(program);
  const uses = consumers(program);
  const updating = updatingOperations(program, uses);
  const late = new Map<Operation, number>();
  for (const operation of program.operations.toReversed()) {
    if (operation.name === "Const" || !operation.outputs.every((output) => prompt.has(output))) continue;
    const users = new Set(operation.outputs.flatMap((output) => uses.get(output) ?? []));
    const [user] = users;
    if (users.size !== 1 || user === undefined || user === "result" || !updating.has(user)) continue;
    const wait = late.get(user) ?? lastMade(user);
    if (wait !== undefined) late.set(operation, wait);
  }
  return late;

  /** The input that is made last, of those that are not there from the beginning. */
  function lastMade(user: Operation): number | undefined {
    const waited = user.inputs.filter((input) => !prompt.has(input) && madeAt.has(input));
    return waited.sort((a, b) => (madeAt.get(b) as number) - (madeAt.get(a) as number))[0];
  }
}

/** Values that need nothing but the state, captured tensors and constants. */
function promptValues({ inputs, operations }: Program): Set<number> {
  const prompt = new Set(
    inputs.filter(({ kind }) => kind === "state" || kind === "captured").map(({ value }) => value),
  );
  for (const { inputs: needed, outputs } of operations)
    if (needed.every((value) => prompt.has(value))) for (const output of outputs) prompt.add(output);
  return prompt;
}

/** Operations that lead to results of the state alone: the update. */
function updatingOperations({ operations, results }: Program, uses: ReturnType<typeof consumers>): Set<Operation> {
  const metrics = new Set(results.filter(({ kind }) => kind === "metric").map(({ value }) => value));
  const updating = new Set<Operation>();
  for (const operation of operations.toReversed()) {
    const leadsOn = (output: number) =>
      !metrics.has(output) && (uses.get(output) ?? []).every((user) => user === "result" || updating.has(user));
    if (PRODUCTS.has(operation.name)) continue;
    if (operation.outputs.every(leadsOn)) updating.add(operation);
  }
  return updating;
}

const PRODUCTS = new Set(["MatMul", "BatchMatMulV2", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"]);

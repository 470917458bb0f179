import type { Attributes } from "../attribute.ts";
import type { Program } from "../program.ts";
import { rewrite } from "./rewrite.ts";

/**
 * Turns batched products of two matrices, as tfjs-node writes every product, into plain ones: only those are fused with what follows, and
 * they have less to set up.
 */
export function plainProducts(program: Program): Program {
  return rewrite(program, (operation, editor) => {
    if (operation.name !== "BatchMatMulV2" || operation.inputs.some((input) => editor.value(input).shape.length !== 2))
      return;
    const { T, adj_x: left, adj_y: right } = operation.attributes;
    return [{ ...operation, name: "MatMul", attributes: { T, transpose_a: left, transpose_b: right } as Attributes }];
  });
}

import "@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js";
import * as tf from "@tensorflow/tfjs-core";
import type { DType } from "../dtype.ts";
import { TensorFlowError } from "../errors.ts";
import type { Attribute, Attributes } from "../program/attribute.ts";
import type { Binding, TensorMetadata } from "./binding.ts";

interface Backend {
  readonly ffi: Binding;
  idsOf(tensors: tf.TensorInfo[]): number[];
  tensorFrom(metadata: TensorMetadata): tf.Tensor;
}
type Operation = (name: string, attributes: Attributes, inputs: tf.TensorInfo[]) => tf.Tensor;

const type = (value: string): Attribute => ({ kind: "type", value: value as DType });

/** Registers a kernel in place of tfjs-node's. */
function replace<I extends string, A>(
  kernelName: string,
  kernel: (inputs: Record<I, tf.TensorInfo>, attributes: A, run: Operation) => tf.Tensor,
): void {
  tf.unregisterKernel(kernelName, "tensorflow");
  tf.registerKernel({
    kernelName,
    backendName: "tensorflow",
    kernelFunc({ inputs, attrs, backend }) {
      const { ffi } = backend as Backend;
      const run: Operation = (name, attributes, tensors) => {
        const [metadata] = ffi.run(name, attributes, (backend as Backend).idsOf(tensors), 1);
        return (backend as Backend).tensorFrom(metadata as TensorMetadata);
      };
      return tf.tidy(() => kernel(inputs as Record<I, tf.TensorInfo>, attrs as A, run));
    },
  });
}

// tfjs-node names the dtype from before its cast to float32, and TensorFlow takes that at its word.
replace<"x", tf.MeanAttrs>(tf.Mean, ({ x }, { axis, keepDims }, run) => {
  const axes = tf.tensor1d(tf.util.parseAxisParam(axis, x.shape), "int32");
  const attributes: Attributes = {
    T: type("float32"),
    Tidx: type("int32"),
    keep_dims: { kind: "bool", value: keepDims ?? false },
  };
  return run("Mean", attributes, [tf.cast(x as tf.Tensor, "float32"), axes]);
});

// TensorFlow 2.21 rounds every int32 to 0.
replace<"x", object>(tf.Round, ({ x }, _, run) =>
  run(x.dtype === "int32" ? "Identity" : "Round", { T: type(x.dtype) }, [x]),
);

// tfjs-node reads the indices back to check them, which waits for the device and can't be traced. TensorFlow's CPU kernel
// checks them, too; its answer is put into tfjs's words.
replace<"x" | "indices", tf.GatherV2Attrs>(tf.GatherV2, ({ x, indices }, { axis, batchDims }, run) => {
  tf.backend_util.segment_util.collectGatherOpShapeInfo(x as tf.Tensor, indices as tf.Tensor, axis, batchDims);
  const attributes: Attributes = {
    batch_dims: { kind: "int", value: batchDims },
    Tparams: type(x.dtype),
    Tindices: type(indices.dtype),
    Taxis: type("int32"),
  };
  try {
    return run("GatherV2", attributes, [x, indices, tf.scalar(axis, "int32")]);
  } catch (error) {
    const [, index, end] = /= (-?\d+) is not in \[0, (\d+)\)/.exec(String(error)) ?? [];
    if (!(error instanceof TensorFlowError) || end === undefined) throw error;
    throw new TensorFlowError(
      error.code,
      `GatherV2: the index value ${index} is not in [0, ${Number(end) - 1}]`,
      error,
    );
  }
});

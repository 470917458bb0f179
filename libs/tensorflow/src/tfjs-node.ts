import * as tf from "@tensorflow/tfjs-core";
import * as image from "@tensorflow/tfjs-node-gpu/dist/image.js";
import * as files from "@tensorflow/tfjs-node-gpu/dist/io/file_system.js";
import "./core/backend.ts";

/** The part of tfjs-node's `tf.node` that is offered here, under the same names. */
export interface TfjsNode {
  /** Decodes JPEG, PNG, BMP or GIF to int32 `[height, width, channels]` (an animated GIF: `[frames, ...]`), 0 to 255. */
  decodeImage(
    content: Uint8Array,
    channels?: number,
    dtype?: "int32",
    expandAnimations?: boolean,
  ): tf.Tensor3D | tf.Tensor4D;
  /** Encodes int32 `[height, width, 1 or 3]` as JPEG; `quality` from 0 to 100. */
  encodeJpeg(image: tf.Tensor3D, format?: "" | "grayscale" | "rgb", quality?: number): Promise<Uint8Array>;
  /** Encodes int32 `[height, width, 1 to 4]` as PNG; `compression` from -1 to 9. */
  encodePng(image: tf.Tensor3D, compression?: number): Promise<Uint8Array>;
}

/** Pictures in and out, as in `tf.node` of @tensorflow/tfjs-node. */
export const node: TfjsNode = image as unknown as TfjsNode;

// `model.save("file://...")` and `tf.loadLayersModel("file://...")`.
const router = files.nodeFileSystemRouter as unknown as Parameters<typeof tf.io.registerSaveRouter>[0];
tf.io.registerLoadRouter(router);
tf.io.registerSaveRouter(router);

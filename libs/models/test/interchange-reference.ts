import { readFileSync } from "node:fs";
import { decodeSafetensors, type HostArray, tf } from "tfjs-libtensorflow";
import { expect } from "vitest";
import {
  type Classifier,
  classify,
  type ImportedWeights,
  type ImportOptions,
  importWeights,
  pooledTokens,
  type VisionTransformer,
  visionTransformer,
} from "../src/index.ts";
import { hashedPictures, hashedWeights } from "./hashed-weights.ts";

/** A model of timm's, as tools/fixtures/interchange.py wrote it down. */
export interface ReferenceCase {
  readonly model: string;
  readonly kwargs: Readonly<Record<string, string | number | boolean>>;
  /** Names and shapes of its state_dict. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Largest difference between timm's float32 and float64 logits, over the largest logit. */
  readonly ownDistance: number;
}

const { tensors, metadata } = decodeSafetensors(
  readFileSync(new URL("../fixtures/interchange.safetensors", import.meta.url)),
);

export const cases = JSON.parse(metadata["cases"] as string) as Readonly<Record<string, ReferenceCase>>;

/** Imports a case's weights and gives how far our logits lie from timm's in float64, over the largest logit. */
export function compareWithTimm(
  name: string,
  options: ImportOptions,
): { imported: ImportedWeights; reference: ReferenceCase; distance: number } {
  const reference = cases[name] as ReferenceCase;
  const imported = importWeights(hashedWeights(reference.shapes), options);
  const expected = tensors[`${name}.logits`] as HostArray<"float32">;
  const distance = tf.tidy(() => {
    const { vit, role, pool } = imported.architecture;
    const tree = treeOf(imported.weights);
    const pictures = tf.tensor4d(hashedPictures(vit.size), [2, vit.size, vit.size, 3]);
    const logits =
      role === "classifier"
        ? classify(tree as Classifier, vit, pictures, { pool })
        : pooledTokens(visionTransformer(tree as VisionTransformer, vit, pictures).tokens, pool);
    expect(logits.shape).toEqual(expected.shape);
    const difference = tf.max(tf.abs(tf.sub(logits, tf.tensor(expected.data, [...expected.shape]))));
    return (difference.dataSync()[0] as number) / (tf.max(tf.abs(logits)).dataSync()[0] as number);
  });
  return { imported, reference, distance };
}

/** Weights by path as a tree of tensors; a level with a part named 0 is an array. */
function treeOf(weights: Readonly<Record<string, HostArray<"float32">>>): unknown {
  const at = (path: string): unknown => {
    const leaf = weights[path];
    if (leaf !== undefined) return tf.tensor(leaf.data, [...leaf.shape]);
    const start = path === "" ? "" : `${path}.`;
    const inside = Object.keys(weights).filter((name) => name.startsWith(start));
    const parts = [...new Set(inside.map((name) => name.slice(start.length).split(".")[0] as string))];
    const children = parts.map((part) => [part, at(start + part)] as const);
    return parts[0] === "0" ? children.map(([, child]) => child) : Object.fromEntries(children);
  };
  return at("");
}

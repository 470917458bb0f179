import type { HostArray } from "tfjs-libtensorflow";
import { sinCosPositions } from "../sin-cos-positions.ts";
import { gridSide, type VisionTransformerConfig } from "../vision-transformer.ts";
import { type Architecture, weightShapes } from "./architecture.ts";
import { type Dialect, type DialectName, detectDialect, dialectOf, type TensorName, tensorNames } from "./dialects.ts";
import { type NamedTensors, readArchitecture, type StatedArchitecture } from "./read-architecture.ts";
import { fromOutside, outsideShape } from "./tensor-layout.ts";
import { type Misfit, UnknownWeights, WeightsMismatch, type WrongTensor } from "./weights-mismatch.ts";

/** How weights are taken over. */
export interface ImportOptions extends StatedArchitecture {
  /** @default the one that the names show */
  readonly dialect?: DialectName;
  /** Takes what fits, and lists the rest in `misfit`, where otherwise any misfit is an error. */
  readonly partial?: boolean;
}

/** Weights taken over from a file. */
export interface ImportedWeights {
  readonly dialect: DialectName;
  readonly architecture: Architecture;
  /** By path in our tree, float32. What is the same in both layouts shares the file's memory. */
  readonly weights: Readonly<Record<string, HostArray<"float32">>>;
  /** Names in the file that its dialect has beside the network, such as heads of pre-training: left out. */
  readonly unused: readonly string[];
  /** What did not fit; empty unless `partial`. */
  readonly misfit: Misfit;
}

/**
 * Takes a file's tensors for one of our networks: names by the dialect's table, linear weights transposed, the patch
 * embedding's convolution as a product. The tree's leaves are named as in our own artifacts.
 *
 * Where `known.positions` is `sincos`, a stored table is compared with the fixed one (to 1e-5) and left out.
 *
 * @throws UnknownWeights when the names are of no dialect
 * @throws WeightsMismatch naming every missing, extra or wrong tensor
 */
export function importWeights(tensors: NamedTensors, options: ImportOptions): ImportedWeights {
  const names = Object.keys(tensors).sort();
  const name = options.dialect ?? detectDialect(names);
  if (name === null) throw new UnknownWeights(names);
  const dialect = dialectOf(name);
  const { architecture, unseen } = readArchitecture(tensors, dialect, options);
  if (architecture === null) throw new WeightsMismatch({ missing: [...new Set(unseen)], extra: [], wrong: [] });

  const weights: Record<string, HostArray<"float32">> = {};
  const missing: string[] = [];
  const wrong: WrongTensor[] = [];
  const shapes = weightShapes(architecture);
  const wanted = tensorNames(dialect, architecture).filter(({ ours }) => Object.hasOwn(shapes, ours));
  for (const each of wanted) {
    const found = tensors[each.theirs];
    const problem = found === undefined ? null : problemOf(found, each, shapes[each.ours] as readonly number[]);
    if (found === undefined) missing.push(each.theirs);
    else if (problem !== null) wrong.push({ name: each.theirs, problem });
    else weights[each.ours] = fromOutside(each.layout, found as HostArray<"float32">);
  }
  const { unused, extra } = sortOthers(names, wanted, dialect, architecture);
  const rest = extra.filter((name) => !isFixedPositions(name, dialect, architecture.vit));
  if (rest.length < extra.length) wrong.push(...fixedPositionsProblem(tensors, dialect, architecture.vit));
  const misfit: Misfit = { missing, extra: rest, wrong };
  if (options.partial !== true && missing.length + rest.length + wrong.length > 0) throw new WeightsMismatch(misfit);
  return { dialect: name, architecture, weights, unused, misfit };
}

/** What is wrong with a tensor that is taken, or null. */
function problemOf({ dtype, shape }: HostArray, { layout }: TensorName, ours: readonly number[]): string | null {
  if (dtype !== "float32") return `has ${dtype} values and not float32`;
  const expected = outsideShape(layout, ours);
  const same = shape.length === expected.length && shape.every((n, i) => n === expected[i]);
  return same ? null : `has shape [${shape.join(", ")}] and not [${expected.join(", ")}]`;
}

/** The names that are not taken: those that are known and without use here, and those that should not be there. */
function sortOthers(
  names: readonly string[],
  wanted: readonly TensorName[],
  { prefix, leftOut }: Dialect,
  { role }: Architecture,
): { unused: string[]; extra: string[] } {
  const taken = new Set(wanted.map(({ theirs }) => theirs));
  const others = names.filter((name) => !taken.has(name));
  const isLeftOut = (name: string) => leftOut(name.startsWith(prefix) ? name.slice(prefix.length) : name, role);
  return { unused: others.filter(isLeftOut), extra: others.filter((name) => !isLeftOut(name)) };
}

function isFixedPositions(name: string, { prefix }: Dialect, { positions }: VisionTransformerConfig): boolean {
  return positions === "sincos" && name === `${prefix}pos_embed`;
}

/** How a stored table differs from the fixed sine-cosine positions, which have none for the class token. */
function fixedPositionsProblem(
  tensors: NamedTensors,
  { prefix }: Dialect,
  vit: VisionTransformerConfig,
): WrongTensor[] {
  const name = `${prefix}pos_embed`;
  const { data } = tensors[name] as HostArray;
  const fixed = fixedPositions(vit);
  if (data.length !== fixed.length) {
    return [{ name, problem: `has ${data.length} values and not ${fixed.length}` }];
  }
  let largest = 0;
  for (let i = 0; i < data.length; i++) {
    largest = Math.max(largest, Math.abs((data[i] as number) - (fixed[i] as number)));
  }
  return largest <= 1e-5
    ? []
    : [{ name, problem: `is not the fixed sine-cosine table; it differs by ${largest.toPrecision(3)}` }];
}

/** The fixed positions as other code bases store them: [patches + 1, width], the class token's 0. */
export function fixedPositions(vit: VisionTransformerConfig): Float32Array {
  const side = gridSide(vit);
  const values = new Float32Array((side * side + 1) * vit.width);
  values.set(sinCosPositions(side, side, vit.width), vit.width);
  return values;
}

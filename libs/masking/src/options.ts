/** How a block-wise mask is drawn; the names and defaults are those of BEiT's generator. */
export interface BlockWiseOptions {
  /** Height of the patch grid. */
  rows: number;
  /** Width of the patch grid. */
  columns: number;
  /** Patches to mask: the most ("at-most") or all there will be ("exactly"). */
  count: number;
  /** Smallest area of a block in patches, as a wish: near the end blocks are as small as what is left. @default 4 */
  minBlock?: number;
  /** Largest area of a block in patches. @default count */
  maxBlock?: number;
  /** Range of height / width, drawn uniformly in the logarithm. @default [0.3, 1 / 0.3] */
  aspect?: readonly [number, number];
  /** BEiT v1 stops when no block fits any more ("at-most"); v2 then adds or takes away single patches ("exactly"). @default "at-most" */
  form?: "at-most" | "exactly";
}

/** How a random mask is drawn. */
export interface RandomOptions {
  /** Height of the patch grid. */
  rows: number;
  /** Width of the patch grid. */
  columns: number;
  /** Patches to mask. */
  count: number;
}

/** Thrown when no mask can be drawn as asked; `path` is the option at fault. A usage error: exit code 64. */
export class MaskOptionsError extends Error {
  override readonly name = "MaskOptionsError";
  readonly exitCode = 64;
  readonly path: string;
  readonly remedy: string;

  constructor(path: string, problem: string, remedy: string) {
    super(`${path}: ${problem}`);
    this.path = path;
    this.remedy = remedy;
  }
}

const MAX_SIDE = 4096;

/** Throws {@link MaskOptionsError} unless the grid is whole, at least 1 by 1, and has at least `count` patches. */
export function checkGrid({ rows, columns, count }: RandomOptions): void {
  for (const [path, side] of [["rows", rows] as const, ["columns", columns] as const]) {
    if (!Number.isInteger(side) || side < 1 || side > MAX_SIDE) {
      throw new MaskOptionsError(
        path,
        `${side} is no whole number from 1 to ${MAX_SIDE}`,
        "Give the grid in patches, for example 14x14.",
      );
    }
  }
  if (!Number.isInteger(count) || count < 1 || count > rows * columns) {
    throw new MaskOptionsError(
      "count",
      `${count} patches cannot be masked in a grid of ${rows}x${columns}`,
      `Give a whole number from 1 to ${rows * columns}.`,
    );
  }
}

/** The options with BEiT's defaults filled in. Throws {@link MaskOptionsError} for what is wrong or can never place a block. */
export function resolveOptions(options: BlockWiseOptions): Required<BlockWiseOptions> {
  const { count, minBlock = 4, maxBlock = count, aspect = [0.3, 1 / 0.3], form = "at-most" } = options;
  checkGrid(options);
  if (!(minBlock >= 1 && Number.isFinite(minBlock))) {
    throw new MaskOptionsError("minBlock", `a block cannot have ${minBlock} patches`, "Give a number from 1.");
  }
  // Without maxBlock a count below minBlock is BEiT's own reversed range; a maxBlock that was given is meant as a bound.
  if (options.maxBlock !== undefined && !(maxBlock >= minBlock && Number.isFinite(maxBlock))) {
    throw new MaskOptionsError(
      "maxBlock",
      `${maxBlock} is below minBlock, ${minBlock}`,
      "Raise it, lower minBlock, or leave it out.",
    );
  }
  if (!(aspect[0] > 0 && aspect[1] >= aspect[0] && Number.isFinite(aspect[1]))) {
    throw new MaskOptionsError(
      "aspect",
      `[${aspect.join(", ")}] is no range of ratios`,
      "Give two positive numbers, the smaller one first.",
    );
  }
  if (form !== "at-most" && form !== "exactly") {
    throw new MaskOptionsError("form", `"${form}" is not known`, 'Give "at-most" or "exactly".');
  }
  const resolved = { ...options, minBlock, maxBlock, aspect, form };
  if (form === "at-most" && !someBlockFits(resolved)) {
    throw new MaskOptionsError(
      "minBlock",
      `no block of ${Math.min(minBlock, maxBlock, count)} or more patches fits strictly inside ${options.rows}x${options.columns}, so every mask would be empty`,
      'Take smaller blocks, a larger grid, or the form "exactly".',
    );
  }
  return resolved;
}

/** Whether the smallest first block, at the aspect that suits it best, is smaller than the grid both ways, as the law demands. */
function someBlockFits({ rows, columns, count, minBlock, maxBlock, aspect }: Required<BlockWiseOptions>): boolean {
  const area = Math.min(minBlock, maxBlock, count);
  const tallest = (rows - 0.5) ** 2 / area;
  const flattest = area / (columns - 0.5) ** 2;
  return (
    Math.max(aspect[0], flattest) < Math.min(aspect[1], tallest) ||
    (aspect[0] === aspect[1] && aspect[0] < tallest && aspect[0] > flattest)
  );
}

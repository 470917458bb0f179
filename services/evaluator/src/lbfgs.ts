/** Value and gradient of a smooth function at a point. */
export interface ValueAndGradient {
  value: number;
  gradient: Float64Array;
}

/** When {@link minimize} stops. */
export interface MinimizeOptions {
  /** @default 200 */
  maxIterations?: number;
  /** Largest component of the gradient at which the search ends. @default 1e-5 */
  gradientTolerance?: number;
  /** Relative decrease of the value below which it ends: about what float32 can tell. @default 1e-7 */
  valueTolerance?: number;
}

const MEMORY = 10;
const ARMIJO = 1e-4;
const HALVINGS = 20;

/**
 * The minimum of a smooth convex function by limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5) with
 * backtracking. Deterministic: it draws nothing and starts at `start`.
 */
export async function minimize(
  evaluate: (point: Float64Array) => Promise<ValueAndGradient>,
  start: Float64Array,
  { maxIterations = 200, gradientTolerance = 1e-5, valueTolerance = 1e-7 }: MinimizeOptions = {},
): Promise<{ point: Float64Array; value: number; iterations: number }> {
  let point = start;
  let { value, gradient } = await evaluate(point);
  const pairs: Pair[] = [];
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    if (gradient.every((component) => Math.abs(component) <= gradientTolerance))
      return { point, value, iterations: iteration };
    const direction = descent(gradient, pairs);
    const found = await backtrack(
      evaluate,
      point,
      value,
      gradient,
      direction,
      iteration === 0 ? 1 / norm(gradient) : 1,
    );
    if (found === null) return { point, value, iterations: iteration };
    const step = subtract(found.point, point);
    const change = subtract(found.gradient, gradient);
    const curvature = dot(step, change);
    if (curvature > 1e-12 * dot(change, change)) pairs.push({ step, change, curvature });
    if (pairs.length > MEMORY) pairs.shift();
    const gained = value - found.value;
    ({ point, value, gradient } = found);
    if (gained <= valueTolerance * Math.max(1, Math.abs(value))) return { point, value, iterations: iteration + 1 };
  }
  return { point, value, iterations: maxIterations };
}

/** Two neighbouring points' difference, their gradients' difference, and the product of both. */
interface Pair {
  step: Float64Array;
  change: Float64Array;
  curvature: number;
}

/** Minus the approximate inverse Hessian times the gradient (two-loop recursion). */
function descent(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((component) => -component);
  const weights: number[] = [];
  for (const { step, change, curvature } of pairs.toReversed()) {
    const weight = dot(step, direction) / curvature;
    weights.push(weight);
    addScaled(direction, -weight, change);
  }
  const last = pairs.at(-1);
  if (last !== undefined) scale(direction, last.curvature / dot(last.change, last.change));
  for (const { step, change, curvature } of pairs) {
    const weight = weights.pop() as number;
    addScaled(direction, weight - dot(change, direction) / curvature, step);
  }
  return direction;
}

/** The first point along `direction` with a sufficient decrease; null when none of ever shorter steps has one. */
async function backtrack(
  evaluate: (point: Float64Array) => Promise<ValueAndGradient>,
  point: Float64Array,
  value: number,
  gradient: Float64Array,
  direction: Float64Array,
  firstStep: number,
): Promise<({ point: Float64Array } & ValueAndGradient) | null> {
  const slope = dot(gradient, direction);
  for (let halving = 0, step = firstStep; halving < HALVINGS; halving++, step /= 2) {
    const there = point.slice();
    addScaled(there, step, direction);
    const found = await evaluate(there);
    if (found.value <= value + ARMIJO * step * slope) return { point: there, ...found };
  }
  return null;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

const norm = (a: Float64Array) => Math.sqrt(dot(a, a));

function subtract(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((component, i) => component - (b[i] as number));
}

function addScaled(target: Float64Array, factor: number, other: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + factor * (other[i] as number);
}

function scale(target: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) * factor;
}

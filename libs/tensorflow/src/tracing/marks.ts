import * as tf from "@tensorflow/tfjs-core";

/** What autocast wants of products and convolutions: operands in bfloat16, or as they are. */
export type CastMark = "bfloat16" | undefined;

let cast: CastMark;
let origin: string | undefined;

/** The autocast mark in force. */
export function castMark(): CastMark {
  return cast;
}

/** Runs `body` with an autocast mark, and, for a gradient, with the name of the call that it is the gradient of. */
export function withMark<T>(mark: CastMark, from: string | undefined, body: () => T): T {
  const before = [cast, origin] as const;
  cast = mark;
  origin = from;
  try {
    return body();
  } finally {
    [cast, origin] = before;
  }
}

/**
 * Runs matrix products and convolutions inside `body` on operands rounded to bfloat16, with float32 results (`"bfloat16"`), or as they
 * are (`"float32"`, to switch it off inside). Gradients inherit the mark of their forward operation, wherever they are computed.
 */
export function autocast<T>(to: "bfloat16" | "float32", body: () => T): T {
  return withMark(to === "bfloat16" ? "bfloat16" : undefined, origin, body);
}

interface EngineParts {
  addTapeNode(...args: unknown[]): void;
  state: {
    activeTape: { gradient?: (dys: unknown) => Record<string, () => tf.Tensor> }[];
    activeScope?: object | null;
    scopeStack: { name: string }[];
  };
}

/** The parts of tfjs's engine that its declarations hide. */
export function engineParts(): EngineParts {
  return tf.engine() as unknown as EngineParts;
}

const OP_SUFFIX = "__op";

/** Name of the tfjs call that is running, such as `tf.matMul`: the outermost, which is the one that a user wrote. */
export function callName(): string {
  if (origin !== undefined) return origin;
  const scope = engineParts().state.scopeStack.find(({ name }) => name.endsWith(OP_SUFFIX));
  return scope === undefined ? "a tensor" : `tf.${scope.name.slice(0, -OP_SUFFIX.length)}`;
}

/** Makes the gradients of tfjs run under the mark of their forward operation. Backward operations run when its scope has long ended. */
export function inheritMarks(): void {
  const engine = engineParts();
  const add = engine.addTapeNode;
  engine.addTapeNode = function (this: EngineParts, ...args) {
    add.apply(this, args);
    const node = this.state.activeTape.at(-1);
    const gradient = node?.gradient;
    if (node === undefined || gradient === undefined) return;
    const [mark, from] = [cast, `gradient of ${callName()}`];
    node.gradient = (dys) => {
      const parts = withMark(mark, from, () => gradient(dys));
      return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, () => withMark(mark, from, part)]));
    };
  };
}

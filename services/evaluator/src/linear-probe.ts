import { type Compiler, type Host, type Jitted, jit, random, State, tf } from "tfjs-libtensorflow";
import { minimize } from "./lbfgs.ts";

/** Features of pictures with their classes. */
export interface LabelledFeatures {
  /** `[pictures, width]`, row by row. */
  features: Float32Array;
  /** `[pictures]`, each below the number of classes. */
  labels: Int32Array;
}

/** A linear classifier of standardised features. */
export interface LinearProbe {
  /** Scores of pictures' features `[pictures, width]`: `[pictures, classes]`. */
  scores(features: Float32Array): Float32Array;
  iterations: number;
}

type ProbeState = { features: tf.Tensor2D; targets: tf.Tensor2D };
type ProbeBatch = { weights: tf.Tensor2D };
type ProbeMetrics = { loss: tf.Scalar; gradient: tf.Tensor2D };

/**
 * Fits multinomial logistic regressions, one after the other, by L-BFGS from zero: mean cross-entropy plus `weightDecay / 2` times the
 * squared weights (not the biases). Each feature is standardised by the training pictures' mean and deviation, so that one weight decay
 * suits every block. Nothing is drawn.
 */
export class ProbeFitter {
  readonly #classes: number;
  readonly #make: () => Jitted<ProbeState, ProbeBatch, ProbeMetrics>;
  /** By the width of the features. */
  readonly #steps = new Map<number, Jitted<ProbeState, ProbeBatch, ProbeMetrics>>();

  constructor(classes: number, weightDecay: number, compiler: Compiler) {
    this.#classes = classes;
    this.#make = () => jit(probeStep(weightDecay), { name: "linear probe", compiler });
  }

  /** Fits the features of one block. `width` is the number of features of a picture. */
  async fit({ features, labels }: LabelledFeatures, width: number): Promise<LinearProbe> {
    const classes = this.#classes;
    const standard = standardisation(features, width);
    const targets = new Float32Array(labels.length * classes);
    labels.forEach((label, picture) => {
      targets[picture * classes + label] = 1;
    });
    await using state = State.of({
      features: { dtype: "float32", shape: [labels.length, width], data: apply(standard, features, width) },
      targets: { dtype: "float32", shape: [labels.length, classes], data: targets },
    }) as unknown as State<ProbeState>;
    const step = this.#steps.get(width) ?? this.#make();
    this.#steps.set(width, step);
    const shape = [width + 1, classes];
    const evaluate = async (point: Float64Array) => {
      const weights = { dtype: "float32", shape, data: Float32Array.from(point) } as const;
      const { loss, gradient } = await step.run(state, { weights } as Host<ProbeBatch>, random.key(0));
      return { value: loss, gradient: Float64Array.from(gradient.data as Float32Array) };
    };
    const { point, iterations } = await minimize(evaluate, new Float64Array((width + 1) * classes));
    const weights = Float32Array.from(point);
    return { iterations, scores: (other) => linearScores(apply(standard, other, width), weights, width, classes) };
  }

  /** Frees the compiled steps. */
  dispose(): void {
    for (const step of this.#steps.values()) step.dispose();
  }
}

/** Loss and gradient at `weights`, whose last row is the bias. */
function probeStep(weightDecay: number) {
  return (state: ProbeState, { weights }: ProbeBatch) => {
    const [pictures, width] = state.features.shape;
    const slope = tf.slice(weights, [0, 0], [width, -1]) as tf.Tensor2D;
    const logits = tf.add(tf.matMul(state.features, slope), tf.slice(weights, [width, 0], [1, -1]));
    const logShares = tf.logSoftmax(logits as tf.Tensor2D);
    const crossEntropy = tf.neg(tf.div(tf.sum(tf.mul(logShares, state.targets)), pictures));
    const decay = tf.mul(tf.sum(tf.square(slope)), weightDecay / 2);
    const pull = tf.div(tf.sub(tf.exp(logShares), state.targets), pictures) as tf.Tensor2D;
    const bySlope = tf.add(tf.matMul(state.features, pull, true), tf.mul(slope, weightDecay));
    const gradient = tf.concat([bySlope, tf.sum(pull, 0, true)], 0) as tf.Tensor2D;
    return { state, metrics: { loss: tf.add(crossEntropy, decay) as tf.Scalar, gradient } };
  };
}

interface Standardisation {
  mean: Float64Array;
  deviation: Float64Array;
}

/** Mean and deviation of each feature; a feature that never changes is left as it is. */
function standardisation(features: Float32Array, width: number): Standardisation {
  const pictures = features.length / width;
  const mean = new Float64Array(width);
  const square = new Float64Array(width);
  for (let i = 0; i < features.length; i++)
    mean[i % width] = (mean[i % width] as number) + (features[i] as number) / pictures;
  for (let i = 0; i < features.length; i++) {
    const distance = (features[i] as number) - (mean[i % width] as number);
    square[i % width] = (square[i % width] as number) + (distance * distance) / pictures;
  }
  return { mean, deviation: square.map((value) => (value > 1e-12 ? Math.sqrt(value) : 1)) };
}

function apply({ mean, deviation }: Standardisation, features: Float32Array, width: number): Float32Array {
  return features.map((value, i) => (value - (mean[i % width] as number)) / (deviation[i % width] as number));
}

function linearScores(features: Float32Array, weights: Float32Array, width: number, classes: number): Float32Array {
  return tf.tidy(() => {
    const rows = tf.tensor2d(features, [features.length / width, width]);
    const slope = tf.tensor2d(weights.subarray(0, width * classes), [width, classes]);
    const bias = tf.tensor1d(weights.subarray(width * classes));
    return tf.add(tf.matMul(rows, slope), bias).dataSync() as Float32Array;
  });
}

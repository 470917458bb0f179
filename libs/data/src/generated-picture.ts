import { type Key, type Stream, stream } from "@peco/random";
import { type AxisWeights, axisWeights } from "./resample-weights.ts";

/**
 * The generated set: 16 classes, 4 shapes x 4 textures, as pictures in which, as in photographs, most of the variance is colour, light
 * and background, while the class sits in shape and texture of lower contrast. Lengths are in the picture's own frame, from -1 to 1.
 */

const shapes = ["triangle", "square", "star", "ring"] as const;
const textures = ["plain", "stripes", "checker", "spots"] as const;
type Shape = (typeof shapes)[number];
type Texture = (typeof textures)[number];
type Colour = [number, number, number];

/** Random numbers, as a picture takes them. */
export type Draws = Pick<Stream, "uniform" | "normal" | "integer" | "bernoulli">;

/** The classes, in the order of their labels: `triangle-plain` to `ring-spots`. */
export const generatedClasses: readonly string[] = shapes.flatMap((shape) =>
  textures.map((texture) => `${shape}-${texture}`),
);

/** One generated picture and what is known about it. */
export interface GeneratedPicture {
  /** `uint8 [side, side, 3]`. */
  readonly pixels: Uint8Array;
  /** Place in {@link generatedClasses}. */
  readonly label: number;
  /** Where the object can be seen, `uint8 [side, side]`, 1 or 0: what the bar hides is left out. */
  readonly mask: Uint8Array;
  /** Smallest box around the mask in pixels, `[left, top, right, bottom]`, right and bottom exclusive. */
  readonly box: readonly [number, number, number, number];
}

/** Periods and noise are stated for pictures of 32 pixels. */
const REFERENCE_SIDE = 32;

/** What every pixel's channels are beside their mean in a set without colour nuisance: one warm tint. */
export const sharedChroma = [0.05, 0, -0.05] as const;

/**
 * The picture of a key: equal keys and sides give equal bytes. At another side than 32 it is the same law at another resolution.
 *
 * @param colourNuisance `false`: all pixels of all pictures share one chroma, so that colour tells nothing and hides nothing; all else,
 * with the mean of the channels, is as in the coloured picture of the same key
 */
export function generatedPicture(key: Key, side: number, colourNuisance = true): GeneratedPicture {
  return drawPicture(stream(key), side, colourNuisance);
}

/** The picture that a sequence of random numbers gives. */
export function drawPicture(draws: Draws, side: number, colourNuisance = true): GeneratedPicture {
  const label = draws.integer(0, generatedClasses.length - 1);
  const place = drawPlace(draws);
  const object = drawTexture(draws, textures[label % 4] as Texture, side, degrees(draws.uniform(-15, 15)));
  const [ground, figure] = drawColours(draws);
  const groundField = { strength: 0.12 * draws.uniform(), values: noiseField(draws, 5, side) };
  const distractor = draws.bernoulli(0.2) ? drawDistractor(draws, side) : null;
  const figureTexture = { strength: draws.uniform(0.2, 0.4), direction: drawDirection(draws) };
  const figureField = noiseField(draws, 4, side);
  const bar = draws.bernoulli(0.25) ? drawBar(draws) : null;
  const light = drawLight(draws);

  const pixels = new Uint8Array(side * side * 3);
  const values: Colour = [0, 0, 0];
  const mask = new Uint8Array(side * side);
  const shape = shapes[Math.floor(label / 4)] as Shape;
  for (let at = 0; at < side * side; at++) {
    const x = (((at % side) + 0.5) / side) * 2 - 1;
    const y = ((Math.floor(at / side) + 0.5) / side) * 2 - 1;
    const dx = x - place.x;
    const dy = y - place.y;
    const inside = sigmoid(-shapeDistance(shape, dx, dy, place) * place.size * side);
    const hidden =
      bar === null ? 0 : sigmoid(-(Math.abs(x * bar.cos + y * bar.sin - bar.offset) - bar.halfWidth) * side);
    const texture = figureTexture.strength * object(dx, dy);
    const other = distractor === null ? 0 : distractor.strength * distractor.texture(x, y);
    const shine = light.strength * (1 + light.slope * (x * light.cos + y * light.sin));
    mask[at] = inside * (1 - hidden) > 0.5 ? 1 : 0;
    for (let channel = 0; channel < 3; channel++) {
      const behind =
        at3(ground, channel) +
        groundField.strength * (groundField.values[at * 3 + channel] as number) +
        (distractor === null ? 0 : other * at3(distractor.direction, channel));
      const front =
        at3(figure, channel) +
        texture * at3(figureTexture.direction, channel) +
        0.06 * (figureField[at * 3 + channel] as number);
      const seen = behind + inside * (front - behind);
      const covered = bar === null ? seen : seen + hidden * (at3(bar.colour, channel) - seen);
      values[channel] = covered * shine + draws.normal(0, 0.02);
    }
    if (!colourNuisance) shareChroma(values);
    for (let channel = 0; channel < 3; channel++)
      pixels[at * 3 + channel] = Math.round(255 * Math.min(1, Math.max(0, at3(values, channel))));
  }
  return { pixels, label, mask, box: boxAround(mask, side) };
}

/** Keeps the mean of the channels and takes all else away, in place. */
function shareChroma(values: Colour): void {
  const mean = (values[0] + values[1] + values[2]) / 3;
  for (let channel = 0; channel < 3; channel++) values[channel] = mean + (sharedChroma[channel] as number);
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly cos: number;
  readonly sin: number;
  readonly stretch: number;
}

function drawPlace(draws: Draws): Place {
  const x = draws.uniform(-0.15, 0.15);
  const y = draws.uniform(-0.15, 0.15);
  const size = draws.uniform(0.6, 0.9);
  const angle = degrees(draws.uniform(-15, 15));
  return { x, y, size, cos: Math.cos(angle), sin: Math.sin(angle), stretch: Math.exp(draws.uniform(-0.2, 0.2)) };
}

/** Negative inside the shape, 0 at its edge, in units of its size. */
function shapeDistance(shape: Shape, dx: number, dy: number, place: Place): number {
  const { cos, sin, size, stretch } = place;
  const x = (cos * dx + sin * dy) / (size * stretch);
  const y = ((-sin * dx + cos * dy) * stretch) / size;
  const radius = Math.hypot(x, y);
  switch (shape) {
    case "triangle":
      return radius * Math.cos(sector(x, y, 3)) - 1.15 * Math.cos(Math.PI / 3);
    case "square":
      return radius * Math.cos(sector(x, y, 4)) - 1.05 * Math.cos(Math.PI / 4);
    case "star":
      return 0.6 * (radius - (0.5 + 0.65 * Math.abs(sector(x, y, 5) / (Math.PI / 5)) ** 1.5));
    case "ring":
      return Math.abs(radius - 0.72) - 0.23;
  }
}

/** Polar angle inside its `n`-th part of the circle, from `-pi/n` to `pi/n`. */
function sector(x: number, y: number, n: number): number {
  const part = (2 * Math.PI) / n;
  const angle = Math.atan2(y, x);
  return angle - part * Math.floor(angle / part) - Math.PI / n;
}

/** A texture in [-1, 1] as a function of the place, with its own period and phases. */
function drawTexture(draws: Draws, texture: Texture, side: number, angle: number): (x: number, y: number) => number {
  const period = draws.uniform(4, 7) * (side / REFERENCE_SIDE);
  const p = draws.uniform(0, 2 * Math.PI);
  const q = draws.uniform(0, 2 * Math.PI);
  const w = (2 * Math.PI) / period;
  const cos = (Math.cos(angle) * side) / 2;
  const sin = (Math.sin(angle) * side) / 2;
  const turned = (value: (u: number, v: number) => number) => (x: number, y: number) =>
    value(cos * x + sin * y, -sin * x + cos * y);
  switch (texture) {
    case "plain":
      return () => 0;
    case "stripes":
      return turned((u) => Math.tanh(3 * Math.sin(w * u + p)));
    case "checker":
      return turned((u, v) => Math.tanh(4 * Math.sin(0.8 * w * u + p) * Math.sin(0.8 * w * v + q)));
    case "spots":
      return turned((u, v) =>
        Math.tanh(
          3 *
            (Math.cos(w * u + p) +
              Math.cos(w * (0.5 * u + 0.866 * v) + q) +
              Math.cos(w * (-0.5 * u + 0.866 * v) + q - p) -
              1),
        ),
      );
  }
}

function drawDistractor(draws: Draws, side: number) {
  const texture = textures[draws.integer(0, 3)] as Texture;
  const angle = draws.uniform(0, 2 * Math.PI);
  return {
    texture: drawTexture(draws, texture, side, angle),
    strength: draws.uniform(0.03, 0.1),
    direction: drawDirection(draws),
  };
}

/** Colours of ground and figure: luminances that differ, the figure mostly the brighter one, and a chroma each. */
function drawColours(draws: Draws): [Colour, Colour] {
  const drawn = draws.uniform(0.15, 0.85);
  const difference = draws.uniform(0.2, 0.5);
  const brighter = draws.bernoulli(0.9);
  const ground = brighter ? Math.min(drawn, 0.95 - difference) : Math.max(drawn, 0.05 + difference);
  const figure = brighter ? ground + difference : ground - difference;
  return [withChroma(draws, ground), withChroma(draws, figure)];
}

function withChroma(draws: Draws, luminance: number): Colour {
  const colour: Colour = [draws.uniform(), draws.uniform(), draws.uniform()];
  const mean = (colour[0] + colour[1] + colour[2]) / 3;
  return [
    luminance + 0.4 * (colour[0] - mean),
    luminance + 0.4 * (colour[1] - mean),
    luminance + 0.4 * (colour[2] - mean),
  ];
}

/** A direction in colour space of length sqrt(3), mostly along grey. */
function drawDirection(draws: Draws): Colour {
  const own: Colour = [draws.normal(), draws.normal(), draws.normal()];
  const common = 1.5 * draws.normal();
  const length = Math.hypot(own[0] + common, own[1] + common, own[2] + common);
  const scale = Math.sqrt(3) / length;
  return [(own[0] + common) * scale, (own[1] + common) * scale, (own[2] + common) * scale];
}

/** Smooth noise `[side, side, 3]`: standard normal numbers on a coarse grid, enlarged. */
function noiseField(draws: Draws, grid: number, side: number): Float64Array {
  const coarse = Float64Array.from({ length: grid * grid * 3 }, () => draws.normal());
  const weights = axisWeights(grid, side, "bicubic");
  const rows = new Float64Array(grid * side * 3);
  for (let row = 0; row < grid; row++) enlargeLine(coarse, row * grid * 3, 3, rows, row * side * 3, 3, weights);
  const field = new Float64Array(side * side * 3);
  for (let column = 0; column < side; column++)
    enlargeLine(rows, column * 3, side * 3, field, column * 3, side * 3, weights);
  return field;
}

/** Enlarges a line of pixels, which begins at `first` and whose pixels lie `step` apart, into one of `to`. */
function enlargeLine(
  from: Float64Array,
  first: number,
  step: number,
  to: Float64Array,
  toFirst: number,
  toStep: number,
  { taps, start, weights }: AxisWeights,
): void {
  for (let place = 0; place < start.length; place++) {
    const begin = first + (start[place] as number) * step;
    for (let channel = 0; channel < 3; channel++) {
      let sum = 0;
      for (let tap = 0; tap < taps; tap++)
        sum += (weights[place * taps + tap] as number) * (from[begin + tap * step + channel] as number);
      to[toFirst + place * toStep + channel] = sum;
    }
  }
}

function drawBar(draws: Draws) {
  const angle = draws.uniform(0, 2 * Math.PI);
  const offset = draws.uniform(-0.7, 0.7);
  const halfWidth = draws.uniform(0.06, 0.16);
  const colour: Colour = [draws.uniform(), draws.uniform(), draws.uniform()];
  return { cos: Math.cos(angle), sin: Math.sin(angle), offset, halfWidth, colour };
}

function drawLight(draws: Draws) {
  const strength = draws.uniform(0.65, 1.15);
  const slope = draws.uniform(0, 0.5);
  const angle = draws.uniform(0, 2 * Math.PI);
  return { strength, slope, cos: Math.cos(angle), sin: Math.sin(angle) };
}

function boxAround(mask: Uint8Array, side: number): [number, number, number, number] {
  let [left, top, right, bottom] = [side, side, 0, 0];
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 0) continue;
    const x = at % side;
    const y = Math.floor(at / side);
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
  }
  return [left, top, right, bottom];
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const degrees = (angle: number) => (angle * Math.PI) / 180;
const at3 = (colour: Colour, channel: number) => colour[channel] as number;

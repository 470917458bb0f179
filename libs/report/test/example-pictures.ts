import { fold, key, type Stream, stream } from "@peco/random";
import sharp from "sharp";

/** Pictures that look like those of a small run, for the page to be looked at: shapes with textures, blurred copies, grey patches. */
export const EXAMPLE_CLASSES = ["triangle", "square", "star", "ring"].flatMap((shape) =>
  ["plain", "stripes", "checker", "spots"].map((texture) => `${shape}-${texture}`),
);
const SIZE = 32;

export interface ExamplePicture {
  label: string;
  original: Buffer;
  reconstruction: Buffer;
  masked: Buffer;
  prediction: Buffer;
}

export async function examplePicture(index: number): Promise<ExamplePicture> {
  const s = stream(fold(key(11), "picture", index));
  const label = EXAMPLE_CLASSES[(index * 5) % 16] as string;
  const original = paint(s, label);
  const reconstruction = await blur(original, 1.1, s);
  const hidden = new Set(s.permutation(16).subarray(0, 6));
  const worse = await blur(original, 3, s);
  return {
    label,
    original: await png(original),
    reconstruction: await png(reconstruction),
    masked: await png(replacePatches(original, hidden, new Uint8Array(SIZE * SIZE * 3).fill(128))),
    prediction: await png(replacePatches(reconstruction, hidden, worse)),
  };
}

function paint(s: Stream, label: string): Uint8Array {
  const [shape, texture] = label.split("-") as [string, string];
  const background = [s.uniform(60, 200), s.uniform(60, 200), s.uniform(60, 200)];
  const colour = background.map((channel) =>
    channel > 130 ? channel - s.uniform(40, 90) : channel + s.uniform(40, 110),
  );
  const [cx, cy, size, turn, wave] = [
    s.uniform(-0.15, 0.15),
    s.uniform(-0.15, 0.15),
    s.uniform(0.6, 0.85),
    s.uniform(-0.3, 0.3),
    s.uniform(0.9, 1.5),
  ];
  const picture = new Uint8Array(SIZE * SIZE * 3);
  for (let i = 0; i < SIZE * SIZE; i++) {
    const [px, py] = [((i % SIZE) + 0.5) / 16 - 1 - cx, (Math.floor(i / SIZE) + 0.5) / 16 - 1 - cy];
    const [x, y] = [
      (Math.cos(turn) * px + Math.sin(turn) * py) / size,
      (-Math.sin(turn) * px + Math.cos(turn) * py) / size,
    ];
    const [r, t] = [Math.hypot(x, y), Math.atan2(y, x) + Math.PI / 2];
    const fold = (n: number) => (((t % ((2 * Math.PI) / n)) + (2 * Math.PI) / n) % ((2 * Math.PI) / n)) - Math.PI / n;
    const distance: Record<string, number> = {
      triangle: r * Math.cos(fold(3)) - 0.57,
      square: r * Math.cos(fold(4)) - 0.74,
      star: 0.6 * (r - (0.5 + 0.65 * Math.abs(fold(5) / (Math.PI / 5)) ** 1.5)),
      ring: Math.abs(r - 0.72) - 0.23,
    };
    const inside = 1 / (1 + Math.exp((distance[shape] as number) * 20));
    const [u, v] = [px * 16 * wave, py * 16 * wave];
    const waves: Record<string, number> = {
      plain: 0,
      stripes: Math.tanh(3 * Math.sin(u)),
      checker: Math.tanh(4 * Math.sin(0.8 * u) * Math.sin(0.8 * v)),
      spots: Math.tanh(3 * (Math.cos(u) + Math.cos(0.5 * u + 0.866 * v) + Math.cos(0.866 * v - 0.5 * u) - 1)),
    };
    for (let channel = 0; channel < 3; channel++) {
      const object = (colour[channel] as number) + 55 * (waves[texture] as number);
      picture[i * 3 + channel] = Math.max(
        0,
        Math.min(255, (1 - inside) * (background[channel] as number) + inside * object + s.normal(0, 6)),
      );
    }
  }
  return picture;
}

const raw = { raw: { width: SIZE, height: SIZE, channels: 3 as const } };
const png = (pixels: Uint8Array) => sharp(pixels, raw).png().toBuffer();

async function blur(picture: Uint8Array, sigma: number, s: Stream): Promise<Uint8Array> {
  const blurred = new Uint8Array(await sharp(picture, raw).blur(sigma).raw().toBuffer());
  return blurred.map((value) => Math.max(0, Math.min(255, value + s.normal(0, 4))));
}

function replacePatches(picture: Uint8Array, patches: ReadonlySet<number>, by: Uint8Array): Uint8Array {
  return picture.map((value, i) => {
    const [row, column] = [Math.floor(i / (SIZE * 3)), Math.floor(i / 3) % SIZE];
    return patches.has(Math.floor(row / 8) * 4 + Math.floor(column / 8)) ? (by[i] as number) : value;
  });
}

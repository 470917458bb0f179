import { gaussianBlur, type HostUint8 } from "@peco/data";
import { twoAlternatives } from "@peco/metrics";
import { fold, key, stream } from "@peco/random";
import type { Triples } from "@peco/report/evaluation";
import { distancesOf } from "@peco/training";
import type { Networks } from "./inputs.ts";
import { type Chunk, limited, overPictures, type Pass } from "./pictures-in-order.ts";

type Setting = Pick<Triples["settings"][number], "kind" | "shift" | "sigma">;

/** For pictures of 32 pixels, in pixels; larger pictures are changed in proportion. */
const SETTINGS: readonly Setting[] = [
  { kind: "shift", shift: 1, sigma: 0.7 },
  { kind: "shift", shift: 1, sigma: 1 },
  { kind: "shift", shift: 1, sigma: 1.5 },
  { kind: "shift", shift: 1, sigma: 2 },
  { kind: "shift", shift: 2, sigma: 1.5 },
  { kind: "far-shift", shift: 8, sigma: 0.5 },
  { kind: "other-picture", shift: null, sigma: 1 },
];

/** The settings for pictures of `size` pixels. */
export function tripleSettings(size: number): Setting[] {
  const scale = size / 32;
  return SETTINGS.map(({ kind, shift, sigma }) => ({
    kind,
    shift: shift === null ? null : Math.max(1, Math.round(shift * scale)),
    sigma: sigma * scale,
  }));
}

/**
 * Two-alternative forced choice on triples made of the first `evaluate.triples` test pictures: by tokens, pixels and features of the
 * perceptual network, whichever there are. See `triples` of the evaluation's document for what the kinds of triples are.
 */
export async function measureTriples(pass: Pass, networks: Networks): Promise<Triples | null> {
  const { context } = pass;
  const selection = { split: "test", first: context.recipe.evaluate.triples } as const;
  if (selection.first === 0) return null;
  const pictures = pass.data.places(limited(context, selection)).length;
  const settings = tripleSettings(context.recipe.image.size).filter(
    ({ kind }) => kind !== "other-picture" || pictures > 1,
  );
  await using open = new AsyncDisposableStack();
  const measured = distancesOf(context.recipe.runtime, networks).map((distance) => ({
    distance: open.use(distance),
    /** Distances of every change, picture by picture. */
    byChange: new Map<string, number[]>(),
  }));
  const changes = new Set(settings.flatMap((setting) => changesOf(setting)));
  const change = changer(context.spec.seed);
  await overPictures(pass, "two-alternative forced choice, test", selection, async (chunk) => {
    const changed = new Map([...changes].map((name) => [name, change(name, chunk)] as const));
    for (const { distance, byChange } of measured) {
      for (const [name, others] of changed) {
        const found = await distance.between(chunk.batch.images, others);
        byChange.set(name, [...(byChange.get(name) ?? []), ...found.subarray(0, chunk.count)]);
      }
    }
  });
  return {
    pictures,
    settings: settings.map((setting) => ({
      ...setting,
      distances: measured.map(({ distance, byChange }) => {
        const [nearer, farther] = changesOf(setting).map((name) => byChange.get(name) as number[]);
        return { distance: distance.name, ...twoAlternatives(nearer as number[], farther as number[]) };
      }),
    })),
  };
}

/** Names of the change that should be nearer to the reference, and of the other one. */
function changesOf({ kind, shift, sigma }: Setting): [nearer: string, farther: string] {
  const [moved, blurred] = [`shift ${shift}`, `blur ${sigma}`];
  if (kind === "shift") return [moved, blurred];
  return [blurred, kind === "far-shift" ? moved : "other"];
}

/**
 * Makes the changed pictures of a batch. Each picture moves right, left, down or up, as drawn for it by the seed. Another picture is the one
 * before in the pack's order, and the second one for the first.
 */
function changer(seed: Parameters<typeof key>[0]) {
  const drawn = fold(key(seed), "evaluate", "triples");
  let before: Uint8Array | undefined;
  return (name: string, { batch: { images }, first, count }: Chunk): HostUint8 => {
    const [kind, amount] = name.split(" ") as [string, string];
    const size = images.shape[1] as number;
    const bytes = size * size * 3;
    const out = new Uint8Array(images.data.length);
    for (let row = 0; row < count; row++) {
      const picture = images.data.subarray(row * bytes, (row + 1) * bytes);
      const place = out.subarray(row * bytes, (row + 1) * bytes);
      if (kind === "other") {
        const next = images.data.subarray(bytes, 2 * bytes);
        place.set(row > 0 ? images.data.subarray((row - 1) * bytes, row * bytes) : (before ?? next));
      } else if (kind === "blur") place.set(blurred(picture, size, Number(amount)));
      else {
        const [across, down] = DIRECTIONS[stream(fold(drawn, first + row)).integer(0, 3)] as [number, number];
        place.set(shifted(picture, size, across * Number(amount), down * Number(amount)));
      }
    }
    if (kind === "other") before = images.data.slice((count - 1) * bytes, count * bytes);
    return { dtype: "uint8", shape: images.shape, data: out };
  };
}

const DIRECTIONS = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
] as const;

/** A picture `[size, size, 3]` after a Gaussian blur of deviation `sigma` pixels, as Pillow does it. */
export function blurred(picture: Uint8Array, size: number, sigma: number): Uint8Array {
  const data = picture.slice();
  gaussianBlur({ data, height: size, width: size }, sigma);
  return data;
}

/** A picture `[size, size, 3]` moved right and down by whole pixels; what comes in is what lies inside the border, mirrored. */
export function shifted(picture: Uint8Array, size: number, right: number, down: number): Uint8Array {
  const mirrored = (at: number) => (at < 0 ? -at : at < size ? at : 2 * size - 2 - at);
  const out = new Uint8Array(picture.length);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const from = (mirrored(row - down) * size + mirrored(column - right)) * 3;
      out.set(picture.subarray(from, from + 3), (row * size + column) * 3);
    }
  }
  return out;
}

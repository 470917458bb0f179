import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "@peco/artifacts";
import { openPack } from "@peco/data";
import { type Inspection, inspectTokenizer, type Spread } from "@peco/tokenizer-service";
import { loadPerceptualNetwork, loadTokenizer, type PerceptualNetwork, type Tokenizer } from "@peco/training";
import { z } from "zod";
import { dataArtifact } from "../data/opened-pictures.ts";
import { encodePng } from "../masks/picture.ts";
import { openStore, resolveArtifact } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { Display } from "../run/display.ts";
import { figure, pairs } from "../table.ts";
import { UnwritableFileError } from "../unwritable-file.ts";
import { UsageError } from "../usage-error.ts";

const spread = z.object({ mean: z.number(), deviation: z.number() });

/** The document of `peco tokenizer inspect --json`. */
export const tokenizerInspectDocument = z.object({
  artifact: z.string().describe("the tokenizer"),
  source: z.string().describe("vq, feature-kmeans or dall-e"),
  data: z.string().describe("the pictures"),
  network: z.string().nullable().describe("in whose features reconstructions are compared"),
  split: z.string(),
  pictures: z.int(),
  codes: z.int(),
  usage: z.number().describe("share of the codes that occur"),
  dead: z.int().describe("codes that do not occur"),
  perplexity: z.number(),
  psnr: spread.nullable().describe("decibels, over pictures; null without a decoder"),
  ssim: spread.nullable(),
  perceptual: z
    .object({ mean: z.number(), layers: z.array(z.number()) })
    .nullable()
    .describe("mean squared distance of features at each block of the network, as in LPIPS; LPIPS itself for VGG-16"),
  frechet: z
    .number()
    .nullable()
    .describe("Frechet distance of pictures and reconstructions in the network's last features"),
  histogram: z.array(z.int()).describe("how often each code occurs"),
  shown: z
    .array(
      z.object({
        code: z.int(),
        count: z.int(),
        places: z.array(
          z.object({ picture: z.string(), row: z.int(), column: z.int(), distance: z.number().nullable() }),
        ),
      }),
    )
    .describe("the codes on the sheets, the most used first, with the places nearest to them"),
  files: z.array(z.string()).describe("what --out wrote"),
});

/** The words of `peco tokenizer inspect`, as typed. */
export interface TokenizerInspectOptions {
  readonly artifact?: string;
  readonly run?: string;
  readonly data?: string;
  readonly network?: string;
  readonly split: "train" | "validation" | "test";
  readonly pictures?: number;
  readonly codes: number;
  readonly places: number;
  readonly batch: number;
  readonly out?: string;
  readonly store?: string;
  readonly json?: boolean;
}

/** Looks at a tokenizer: how its codes are used, what they stand for, and how near its reconstructions come. */
export async function tokenizerInspectCommand(options: TokenizerInspectOptions): Promise<Answer> {
  const store = await openStore(options.store);
  const artifact = await tokenizerOf(store, options);
  using tokenizer = await loadTokenizer(store, artifact);
  const { inputs } = await store.manifest(artifact);
  const networkDigest = await networkOf(store, options.network, inputs["perceptualNetwork"], tokenizer);
  using network: PerceptualNetwork | null =
    networkDigest === null ? null : await loadPerceptualNetwork(store, networkDigest);
  const data = await dataArtifact(options.data ?? inputs["data"] ?? "", options.store);
  await using pack = await openPack(store, data);
  const { split, pictures, codes, places, batch } = options;
  const selection = { split, ...(pictures !== undefined && { first: pictures }) };
  const display = new Display();
  const started = performance.now();
  const inspection = await inspectTokenizer({
    ...{ tokenizer, network, data: pack, selection, batch, codes, places, compiler: "graph" },
    progress: (step, of) => {
      const seconds = (performance.now() - started) / 1000;
      const eta = (seconds / step) * (of - step);
      display.progress({
        ...{ stage: "tokenizer inspect", part: "", step, of, metrics: {} },
        ...{ imagesPerSecond: (step * batch) / seconds, etaSeconds: eta },
      });
    },
  });
  const chosen = pack.places(selection);
  const document: z.infer<typeof tokenizerInspectDocument> = {
    ...{ artifact, source: tokenizer.config.source, data, network: networkDigest, split },
    ...figuresOf(inspection),
    shown: inspection.shown.map((shown) => ({
      ...shown,
      places: shown.places.map((place) => ({ ...place, picture: pack.pictures.name(chosen[place.picture] as number) })),
    })),
    files: [],
  };
  if (options.out !== undefined) document.files = await writeFiles(options.out, document, inspection);
  return { document, text: textOf(document) };
}

async function tokenizerOf(store: Store, { artifact, run }: TokenizerInspectOptions): Promise<string> {
  if ((artifact === undefined) === (run === undefined))
    throw new UsageError("either --artifact or --run names the tokenizer", "Give one of the two.");
  if (artifact !== undefined) return resolveArtifact(store, artifact);
  const { stages } = await store.runs.read(run as string);
  const made = stages.findLast(({ name, artifact }) => name === "codebook" && artifact !== null)?.artifact;
  if (made != null) return made;
  throw new UsageError(`run ${run} has no tokenizer yet`, "`./peco runs show` says which stages it has done.");
}

/** The network that was asked for, else the tokenizer's own; none where it is not to be used or nothing is decoded. */
async function networkOf(
  store: Store,
  asked: string | undefined,
  own: string | undefined,
  { decode }: Tokenizer,
): Promise<string | null> {
  if (decode === null || asked === "none") return null;
  return asked === undefined ? (own ?? null) : resolveArtifact(store, asked);
}

function figuresOf(inspection: Inspection) {
  const { pictures, codes, usage, perplexity, psnr, ssim, perceptual, frechet, histogram } = inspection;
  const dead = histogram.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0);
  return {
    ...{ pictures, codes, usage, dead, perplexity, psnr, ssim, frechet },
    perceptual: perceptual && { mean: perceptual.mean, layers: [...perceptual.layers] },
    histogram: [...histogram],
  };
}

async function writeFiles(
  folder: string,
  document: z.infer<typeof tokenizerInspectDocument>,
  { codeSheet, placeSheet, reconstructions }: Inspection,
): Promise<string[]> {
  const sheets = { "codes.png": codeSheet, "nearest.png": placeSheet, "reconstructions.png": reconstructions };
  const files = Object.entries(sheets).flatMap(([name, sheet]) => (sheet === null ? [] : [[name, sheet] as const]));
  const all = [...files.map(([name]) => join(folder, name)), join(folder, "inspection.json")];
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, sheet] of files) await writeFile(join(folder, name), await encodePng({ ...sheet }));
    await writeFile(join(folder, "inspection.json"), `${JSON.stringify({ ...document, files: all }, null, 2)}\n`);
  } catch (error) {
    throw new UnwritableFileError("--out", folder, error);
  }
  return all;
}

function textOf(document: z.infer<typeof tokenizerInspectDocument>): string {
  const { codes, dead, psnr, ssim, perceptual, frechet } = document;
  const show = (value: Spread | null, unit = "") =>
    value === null ? "no decoder" : `${figure(value.mean)}${unit}, deviation ${figure(value.deviation)}`;
  const lines: [string, string][] = [
    ["tokenizer", `${document.artifact} (${document.source})`],
    ["pictures", `${document.pictures} of ${document.split}, ${document.data.slice(0, 12)}`],
    ["codes", `${codes}, ${codes - dead} used (${(100 * document.usage).toFixed(1)} %), ${dead} not`],
    ["perplexity", figure(document.perplexity)],
    ["PSNR", show(psnr, " dB")],
    ["SSIM", show(ssim)],
  ];
  if (perceptual !== null) {
    const layers = perceptual.layers.map((distance, i) => `${i + 1}: ${figure(distance)}`).join(", ");
    lines.push(["features", `${figure(perceptual.mean)} (${layers}), network ${document.network?.slice(0, 12)}`]);
  }
  if (frechet !== null) lines.push(["Frechet", figure(frechet)]);
  lines.push([
    "most used",
    document.shown
      .slice(0, 8)
      .map(({ code, count }) => `${code} (${count})`)
      .join(", "),
  ]);
  return [pairs(lines), ...(document.files.length === 0 ? [] : ["", ...document.files])].join("\n");
}

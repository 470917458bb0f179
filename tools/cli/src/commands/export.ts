import { writeFile } from "node:fs/promises";
import { exportWeights } from "@peco/models";
import { encodeSafetensors } from "tfjs-libtensorflow";
import { z } from "zod";
import { artifactNetwork, type NetworkChoice } from "../networks/artifact-network.ts";
import type { Network } from "../networks/network.ts";
import { openStore, resolveArtifact } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { bytes, pairs } from "../table.ts";
import { UnwritableFileError } from "../unwritable-file.ts";
import { UsageError } from "../usage-error.ts";

/** The words of `peco export`, as typed. */
export interface ExportOptions extends NetworkChoice {
  readonly artifact: string;
  readonly out: string;
  readonly store?: string;
  readonly json?: boolean;
}

/** What lies beside the exported weights: how timm takes them, and what they are. */
export const exportedFile = z.object({
  timm: z
    .object({
      model: z.string(),
      kwargs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      pretrained_cfg: z.object({
        input_size: z.array(z.int()),
        mean: z.array(z.number()),
        std: z.array(z.number()),
        interpolation: z.string(),
        crop_pct: z.number(),
      }),
    })
    .describe("timm.create_model(model, **kwargs, checkpoint_path=FILE)"),
  classes: z.array(z.string()).nullable().describe("names of the head's outputs"),
  artifact: z.string().describe("the digest that it was made from"),
  network: z.string(),
  notes: z.array(z.string()),
});

/** The document of `peco export --json`: the file beside the weights, and where they are. */
export const exportDocument = exportedFile.extend({
  out: z.string().describe("the weights"),
  description: z.string().describe("the JSON file beside them"),
  tensors: z.int(),
  bytes: z.number(),
});

/** Writes an artifact's network as safetensors with timm's names, and beside it how timm makes the model. */
export async function exportCommand(options: ExportOptions): Promise<Answer> {
  const { out } = options;
  if (!out.endsWith(".safetensors")) {
    throw new UsageError(
      `--out ${out} does not end in .safetensors`,
      "timm knows the format by it: give --out FILE.safetensors.",
    );
  }
  const store = await openStore(options.store);
  const artifact = await resolveArtifact(store, options.artifact);
  const network = await artifactNetwork(store, artifact, options);
  const { tensors, timm, notes } = exportWeights(network.weights, network.architecture);
  const file: z.infer<typeof exportedFile> = {
    timm: { ...timm, pretrained_cfg: pretrainedConfig(network) },
    classes: network.classes === null ? null : [...network.classes],
    artifact,
    network: network.name,
    notes: [...network.notes, ...notes, ...viewNotes(network)],
  };
  const encoded = encodeSafetensors(tensors, { format: "pt" });
  const description = `${out.slice(0, -".safetensors".length)}.json`;
  await write(out, encoded);
  await write(description, new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`));
  const document: z.infer<typeof exportDocument> = {
    ...file,
    out,
    description,
    tensors: Object.keys(tensors).length,
    bytes: encoded.length,
  };
  return { document, text: exportText(document) };
}

/** timm's words for how pictures are prepared. */
function pretrainedConfig({
  architecture: { vit },
  view,
}: Network): z.infer<typeof exportedFile>["timm"]["pretrained_cfg"] {
  return {
    input_size: [3, vit.size, vit.size],
    mean: [...vit.mean],
    std: [...vit.std],
    interpolation: view.filter,
    crop_pct: view.size / view.resize,
  };
}

/** Where timm's preprocessing differs from the network's own. */
function viewNotes({ view: { pack, size } }: Network): string[] {
  if (pack === null) return [];
  const more = pack === size ? "" : `, and it saw them at ${pack} pixels, resized to ${size}`;
  return [
    `Pictures of ${4 * pack} pixels and more were shrunk by their decoder first, which pretrained_cfg cannot say${more}.`,
  ];
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (error) {
    throw new UnwritableFileError("--out", path, error);
  }
}

function exportText(document: z.infer<typeof exportDocument>): string {
  const { model } = document.timm;
  return [
    pairs([
      ["network", document.network],
      ["weights", `${document.out}: ${document.tensors} tensors, ${bytes(document.bytes)}`],
      ["description", document.description],
    ]),
    ...document.notes,
    "",
    "In Python:",
    `  about = json.load(open(${JSON.stringify(document.description)}))["timm"]`,
    `  timm.create_model(about["model"], **about["kwargs"], checkpoint_path=${JSON.stringify(document.out)})  # ${model}`,
  ].join("\n");
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { tokenizer as contract } from "@peco/proto";
import { type Client, connect, maxMessageBytes, type RpcServer, startServer } from "@peco/rpc";
import { createLogger } from "@peco/telemetry";
import { loadTokenizer, type Tokenizer } from "@peco/training";
import sharp from "sharp";
import { decodeSafetensors, tf } from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runHere, shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";
import { codebookStage, openTokenizerService, perceptualNetworkStage } from "./index.ts";

let folder: string;
let inputs: Record<string, string>;
let tokenizer: Tokenizer;
let server: RpcServer;
let client: Client<typeof contract.TokenizerServiceService>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-tokenize-"));
  inputs = await untrainedStore(folder, shortRecipe());
  const artifact = inputs["tokenizer"] as string;
  tokenizer = await loadTokenizer(await Store.open(folder), artifact);
  const services = [await openTokenizerService({ store: folder, artifact })];
  server = await startServer({ services, log: createLogger("test", { level: "silent" }) });
  client = connect(contract.TokenizerServiceService, server);
});
afterAll(async () => {
  client?.close();
  await server?.close(0);
  tokenizer?.[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Pixels of a picture, `uint8 [height, width, 3]`, each picture different. */
function pixels(seed: number, height = 32, width = 32): Buffer {
  return Buffer.from(
    Uint8Array.from({ length: height * width * 3 }, (_, i) => 128 + 120 * Math.sin(seed + i * 0.05 * seed)),
  );
}
const raw = (rgb: Buffer, height = 32, width = 32): contract.Picture => ({
  content: { $case: "raw", value: { height, width, rgb } },
});
const encoded = (value: Buffer): contract.Picture => ({ content: { $case: "encoded", value } });
const tokensOf = (rgb: Buffer): number[] =>
  tf.tidy(() => [...tokenizer.tokenise(tf.tensor4d(Float32Array.from(rgb), [1, 32, 32, 3])).dataSync()]);

describe("Tokenize", () => {
  it("gives the library's tokens, in order, for any number of pictures, and leaves no tensor behind", async () => {
    const all = Array.from({ length: 70 }, (_, i) => pixels(i + 1));
    await client.tokenize({ artifact: "", pictures: all.map((rgb) => raw(rgb)) });
    const before = tf.memory().numTensors;
    const { tokens, ...rest } = await client.tokenize({ artifact: "", pictures: all.map((rgb) => raw(rgb)) });
    expect(tf.memory().numTensors).toBe(before);
    expect(rest).toEqual({ artifact: inputs["tokenizer"], rows: 4, columns: 4 });
    expect(tokens.map(({ ids }) => ids)).toEqual(all.map(tokensOf));
    const one = await client.tokenize({ artifact: inputs["tokenizer"] as string, pictures: [raw(all[3] as Buffer)] });
    expect(one.tokens[0]?.ids).toEqual(tokens[3]?.ids);
  });

  it("takes files and pixels of any size alike, and turns pictures as EXIF says", async () => {
    const rgb = pixels(3, 40, 64);
    const file = sharp(rgb, { raw: { width: 64, height: 40, channels: 3 } });
    const png = await file.clone().png().toBuffer();
    const turned = await file.clone().rotate(90).withMetadata({ orientation: 8 }).png().toBuffer();
    const { tokens } = await client.tokenize({
      artifact: "",
      pictures: [raw(rgb, 40, 64), encoded(png), encoded(turned), encoded(await sharp(png).jpeg().toBuffer())],
    });
    expect(tokens).toHaveLength(4);
    expect(tokens[1]).toEqual(tokens[0]);
    expect(tokens[2]).toEqual(tokens[0]);
  });

  it("says what is wrong with a call", async () => {
    const good = raw(pixels(1));
    const cases: [contract.Picture[], string][] = [
      [[], "the call has no pictures"],
      [Array<contract.Picture>(257).fill(good), "the call has 257 pictures, and the limit maxPicturesPerCall is 256"],
      [[good, { content: undefined }], "picture 1 is empty"],
      [[good, raw(pixels(1), 32, 31)], "picture 1 has 3072 bytes, and 32 x 31 pixels take 2976"],
      [[raw(Buffer.alloc(0), 0, 5)], "picture 0 has 0 bytes, and 0 x 5 pixels take 0"],
      [[encoded(Buffer.from("no picture"))], "picture 0 is no picture of a known format"],
      [
        [
          good,
          encoded(
            (
              await sharp(pixels(1), { raw: { width: 32, height: 32, channels: 3 } })
                .png()
                .toBuffer()
            ).subarray(0, 400),
          ),
        ],
        "picture 1 is damaged or cut off",
      ],
    ];
    for (const [pictures, message] of cases)
      await expect(client.tokenize({ artifact: "", pictures })).rejects.toMatchObject({ message, exitCode: 64 });
  });

  it("says what is wrong with an artifact", async () => {
    const pictures = [raw(pixels(1))];
    const unknown = client.tokenize({ artifact: "0".repeat(64), pictures });
    await expect(unknown).rejects.toMatchObject({ name: "ObjectMissing", exitCode: 65 });
    const wrong = client.describe({ artifact: inputs["data"] as string });
    await expect(wrong).rejects.toMatchObject({ name: "WrongArtifact", exitCode: 76 });
    const missing = openTokenizerService({ store: folder, artifact: "0".repeat(64) });
    await expect(missing).rejects.toMatchObject({ name: "ObjectMissing" });
  });

  it("keeps answering when more tokenizers are asked for than stay in memory", async () => {
    const store = await Store.open(folder);
    const { kind, blobs, meta } = await store.manifest(inputs["tokenizer"] as string);
    const others = await Promise.all(
      Array.from({ length: 6 }, (_, i) => store.publish({ kind, blobs, inputs: {}, meta: { ...meta, steps: i } })),
    );
    const before = tf.memory().numTensors;
    const pictures = [raw(pixels(2))];
    const answers = await Promise.all(
      [...others, ...others].map((artifact) => client.tokenize({ artifact, pictures })),
    );
    expect(answers.map(({ artifact }) => artifact)).toEqual([...others, ...others]);
    for (const { tokens } of answers) expect(tokens[0]?.ids).toEqual(tokensOf(pixels(2)));
    const weights = await store.artifactBlob(inputs["tokenizer"] as string, "weights.safetensors");
    const each = Object.keys(decodeSafetensors(weights).tensors).length;
    expect(tf.memory().numTensors - before).toBeLessThanOrEqual(4 * each);
  });

  it("gives the tokens of a tokenizer without an autoencoder", async () => {
    const sets = ["perceptualNetwork.source=untrained", "codebook.source=feature-kmeans", "codebook.kmeansRounds=2"];
    const recipe = shortRecipe(...sets);
    const of = (name: "perceptual-network" | "codebook", more: Record<string, string>) =>
      specFor(name, { store: folder, recipe, inputs: { ...inputs, ...more } });
    const { artifact: perceptualNetwork } = await runHere(perceptualNetworkStage, of("perceptual-network", {}));
    const { artifact } = await runHere(codebookStage, of("codebook", { perceptualNetwork }));
    const some = [1, 2, 3].map((seed) => pixels(seed));
    const { tokens } = await client.tokenize({ artifact, pictures: some.map((rgb) => raw(rgb)) });
    using clusters = await loadTokenizer(await Store.open(folder), artifact);
    const expected = some.map((rgb) =>
      tf.tidy(() => [...clusters.tokenise(tf.tensor4d(Float32Array.from(rgb), [1, 32, 32, 3])).dataSync()]),
    );
    expect(tokens.map(({ ids }) => ids)).toEqual(expected);
    expect(await client.describe({ artifact })).toMatchObject({
      codebookSize: 16,
      pictureSize: 32,
      rows: 4,
      columns: 4,
    });
  });

  it("describes the tokenizer and its limits", async () => {
    expect(await client.describe({ artifact: "" })).toEqual({
      artifact: inputs["tokenizer"],
      codebookSize: 16,
      pictureSize: 32,
      rows: 4,
      columns: 4,
      maxPicturesPerCall: 256,
      maxMessageBytes,
    });
  });

  it("asks for a tokenizer where the service has none of its own", async () => {
    const services = [await openTokenizerService({ store: folder })];
    const other = await startServer({ services, log: createLogger("test", { level: "silent" }) });
    const caller = connect(contract.TokenizerServiceService, other);
    await expect(caller.describe({ artifact: "" })).rejects.toMatchObject({ name: "NoTokenizer", exitCode: 64 });
    caller.close();
    await other.close(0);
  });
});

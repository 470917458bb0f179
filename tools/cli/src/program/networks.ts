import { type Command, Option } from "commander";
import { answer } from "../output.ts";
import { json, positive, store } from "./options.ts";

const partial = () => new Option("--partial", "take what fits of the weights and name the rest; what is missing is 0");

/** Commands that use and measure trained networks. */
export function addNetworksCommands(peco: Command): void {
  addNetworks(peco);
  addTokenizer(peco);
  addEvaluate(peco);
}

function addNetworks(peco: Command): void {
  const images = () =>
    new Option("--images <dir>", "pictures, also in folders inside it; taken by sorted name").makeOptionMandatory();
  const network = (command: Command) =>
    command
      .option("--model <name>", "one of timm's: beit_base_patch16_224 and others; needs --weights")
      .option("--artifact <id>", "a network of the store: digest, or its first characters")
      .option("--weights <file>", "safetensors with timm's or BEiT's names; with --artifact in place of its own")
      .addOption(partial())
      .option("--network <n>", "which of a classifier's networks (default: the best on validation)", positive)
      .option("--average", "the moving average of a classifier's weights")
      .addOption(images())
      .option("--resize <none>", "none: pictures have the network's size already and are only normalised")
      .option("--batch <n>", "pictures computed at a time", positive, 8);
  network(
    peco
      .command("predict")
      .description(
        "names the classes of pictures, prepared as the network's own were: an artifact's as its data, a model's as timm's defaults say",
      ),
  )
    .option("--npy <file>", "write the logits: float32 [pictures, classes]")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("../commands/predict.ts")).predictCommand));
  network(
    peco
      .command("features")
      .description("writes what a network sees in pictures, of the last block with the final norm or of other blocks"),
  )
    .option(
      "--block <n|all>",
      "output of block n from 1, or of all, without the final norm (default: the last, with it)",
    )
    .option("--pool <kind>", "mean (of the patches), class-token or none (all tokens) (default: the network's own)")
    .requiredOption("--npy <file>", "float32 [pictures, blocks if all, tokens if not pooled, width]")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("../commands/features.ts")).featuresCommand));
  peco
    .command("export")
    .description("writes a network as safetensors with timm's names, and F.json, by which timm makes the same model")
    .requiredOption(
      "--artifact <id>",
      "digest, or its first characters: a classifier, pretrained-vit or perceptual-network",
    )
    .requiredOption("--out <file>", "F.safetensors; F.json beside it says model, arguments and preprocessing")
    .option("--network <n>", "which of a classifier's networks (default: the best on validation)", positive)
    .option("--average", "the moving average of a classifier's weights")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("../commands/export.ts")).exportCommand));
}

function addTokenizer(peco: Command): void {
  peco
    .command("tokenizer")
    .description("looks at tokenizers")
    .command("inspect")
    .description("says how codes are used, what they stand for, and how near reconstructions come")
    .option("--artifact <id>", "the tokenizer: digest, or its first characters")
    .option("--run <id>", "the tokenizer of a run")
    .option("--data <id>", "packed pictures (default: those that it was trained on)")
    .option("--network <id|none>", "perceptual network to compare reconstructions in (default: the tokenizer's own)")
    .addOption(new Option("--split <split>", "which pictures").choices(["train", "validation", "test"]).default("test"))
    .option("--pictures <n>", "only the first so many", positive)
    .option("--codes <n>", "codes on the sheets, the most used ones", positive, 64)
    .option("--places <n>", "nearest places for each of them", positive, 8)
    .option("--batch <n>", "pictures computed at a time", positive, 32)
    .option("--out <dir>", "write codes.png, nearest.png, reconstructions.png and inspection.json there")
    .addOption(store())
    .addOption(json())
    .action(async (options) =>
      answer(options, (await import("../commands/tokenizer-inspect.ts")).tokenizerInspectCommand),
    );
}

function addEvaluate(peco: Command): void {
  const evaluate = peco.command("evaluate").description("asks trained networks about other people's sets of pictures");
  evaluate
    .command("bapps")
    .description(
      "how well tokens, pixels and features agree with people's judgement of what looks alike (BAPPS, two alternatives)",
    )
    .requiredOption(
      "--artifact <id>",
      "a tokenizer, with the perceptual network that it was trained with, or such a network",
    )
    .requiredOption("--data <dir>", "folder with sets of ref/, p0/, p1/ and judge/*.npy, also in folders inside it")
    .option("--batch <n>", "triples computed at a time", positive, 64)
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("../commands/evaluate-bapps.ts")).evaluateBappsCommand));
  evaluate
    .command("robustness")
    .description("what a classifier names right of ImageNet-A, -R or -C, or of any folder of class folders")
    .addOption(
      new Option("--set <name>", "how the set is counted")
        .choices(["imagenet-a", "imagenet-r", "imagenet-c", "imagefolder"])
        .makeOptionMandatory(),
    )
    .requiredOption("--data <dir>", "DIR/<class>/*, of imagenet-c DIR/<corruption>/<severity>/<class>/*")
    .option("--model <name>", "one of timm's: beit_base_patch16_224 and others; needs --weights and --classes")
    .option("--artifact <id>", "a classifier of the store: digest, or its first characters")
    .option("--weights <file>", "safetensors with timm's or BEiT's names; with --artifact in place of its own")
    .addOption(partial())
    .option("--network <n>", "which of a classifier's networks (default: the best on validation)", positive)
    .option("--average", "the moving average of a classifier's weights")
    .option("--classes <file>", "names of the outputs, one on a line, for a model (ImageNet: wnids)")
    .option("--batch <n>", "pictures computed at a time", positive, 32)
    .addOption(store())
    .addOption(json())
    .action(async (options) =>
      answer(options, (await import("../commands/evaluate-robustness.ts")).evaluateRobustnessCommand),
    );
}

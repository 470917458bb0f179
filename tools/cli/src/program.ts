import { Command, InvalidArgumentError, Option } from "commander";
import { answer } from "./output.ts";

/** The whole command line, without side effects: actions import what they need when they are called. */
export function program(): Command {
  const peco = new Command("peco")
    .description(
      "Pre-trains a vision transformer with a perceptual codebook (PeCo), from a folder of pictures to a report.",
    )
    .exitOverride();
  addRun(peco);
  addTest(peco);
  addMasks(peco);
  addRuns(peco);
  addArtifacts(peco);
  addData(peco);
  addNetworks(peco);
  addTokenizer(peco);
  addEvaluate(peco);
  addPlan(peco);
  addBench(peco);
  addStudy(peco);
  addHouse(peco);
  pointToHelp(peco, "peco");
  return peco;
}

/** After a mistake each command names its own help. */
function pointToHelp(command: Command, name: string): void {
  command.showHelpAfterError(`(${name} --help shows what there is)`);
  for (const child of command.commands) pointToHelp(child, `${name} ${child.name()}`);
}

const store = () => new Option("--store <dir>", "folder of artifacts and runs (default: store/ in this checkout)");
const json = () =>
  new Option("--json", "print one JSON document on standard output (docs/json.md); logs go to standard error");

function addRun(peco: Command): void {
  peco
    .command("run")
    .description("trains everything and writes a report: the main job")
    .option(
      "--data <dir>",
      "pictures: DIR/<class>/*.jpg|png|webp, DIR/{train,val}/<class>/..., one flat folder, ImageNet's folders or tar files, or WebDataset shards (default: makes its own)",
    )
    .addOption(store())
    .option(
      "--recipe <name|file>",
      "tiny (a test), small (a few minutes), laptop (64 px, an hour or two), another that ./peco plan lists, or a YAML file",
      "small",
    )
    .option(
      "--set <path=value>",
      "changes one value of the recipe, e.g. --set pretrain.steps=4800; repeatable",
      collect,
    )
    .option("--seed <n>", "seed of everything that is drawn (default: 1)", seed)
    .option("--seeds <list>", "several seeds, e.g. 1,2,3: mean and spread in the report", seedList)
    .option("--until <stage>", "stop after this stage")
    .option("--threads <n>", "threads of a training step (changes the last bits of the result)", positive)
    .option("--dry-run", "say what is there, what is missing, and what it will take; run nothing")
    .addOption(json())
    .action(async (options) => answer(options, (await import("./run/command.ts")).runCommand));
}

function addTest(peco: Command): void {
  peco
    .command("test")
    .description("runs the tests; quick ones, unless told otherwise")
    .argument("[paths...]", "only test files whose path contains one of these words")
    .option("--group <name>", "a slow group: conformance, package, pipeline, faults or browser")
    .option("--all", "the quick tests and every slow group")
    .addOption(json())
    .action(async (paths, options) => answer({ ...options, paths }, (await import("./commands/test.ts")).testCommand));
  peco
    .command("lint")
    .description("checks format, types, layers and contracts")
    .option("--fix", "mends what can be mended by itself")
    .addOption(json())
    .action(async (options) => answer(options, (await import("./commands/lint.ts")).lintCommand));
}

function addMasks(peco: Command): void {
  peco
    .command("masks")
    .description("block-wise masks, as data or as a picture to look at")
    .option("--grid <rows>x<columns>", "patches of a picture", "14x14")
    .option("--count <n>", "patches to mask", "75")
    .option("--min-block <n>", "smallest block, in patches", "16")
    .option("--form <form>", "at-most (BEiT), exactly (BEiT v2) or random", "at-most")
    .option("--samples <n>", "number of masks", "8")
    .option("--seed <n>", "seed of the masks", "1")
    .option("--npy <file>", "write uint8 [samples, rows, columns]")
    .option("--png <file>", "write a sheet of the masks")
    .option("--image <file>", "lay the masks over this picture")
    .addOption(json())
    .action(async (options) => answer(options, (await import("./commands/masks.ts")).masksCommand));
}

function addRuns(peco: Command): void {
  const runs = peco.command("runs").description("looks at past runs");
  runs
    .command("ls")
    .description("lists runs")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("./commands/runs.ts")).runsLsCommand));
  runs
    .command("show")
    .description("shows one run: stages, artifacts, figures")
    .argument("<run>")
    .addOption(store())
    .addOption(json())
    .action(async (run, options) => answer({ ...options, run }, (await import("./commands/runs.ts")).runsShowCommand));
  runs
    .command("compare")
    .description("shows what differs between runs: recipe, inputs, figures")
    .argument("<runs...>")
    .addOption(store())
    .addOption(json())
    .action(async (names, options) =>
      answer({ ...options, runs: names }, (await import("./commands/runs.ts")).runsCompareCommand),
    );
  runs
    .command("rm")
    .description("removes runs (their artifacts go with peco clean)")
    .argument("<runs...>")
    .addOption(store())
    .addOption(json())
    .action(async (names, options) =>
      answer({ ...options, runs: names }, (await import("./commands/runs.ts")).runsRmCommand),
    );
  peco
    .command("report")
    .description("writes a run's report.html anew from the store")
    .argument("<run>")
    .addOption(store())
    .addOption(json())
    .action(async (run, options) => answer({ ...options, run }, (await import("./commands/report.ts")).reportCommand));
  peco
    .command("reproduce")
    .description("repeats a run by its reproducibility card, and says how near it came")
    .argument("<card>", "the card.json that a run wrote beside its report")
    .option("--data <dir>", "the pictures, where they lie elsewhere now")
    .option("--store <dir>", "where the repetition goes (default: reproductions/RUN in this checkout)")
    .option(
      "--tolerance <share>",
      "largest relative difference of a figure that still counts as near",
      toleranceOf,
      0.05,
    )
    .option("--other-revision", "repeats it with this checkout's code although the card is of another")
    .option("--check", "only says whether this machine can repeat it")
    .addOption(json())
    .action(async (card, options) =>
      answer({ ...options, card }, (await import("./commands/reproduce.ts")).reproduceCommand),
    );
}

function addArtifacts(peco: Command): void {
  const artifacts = peco.command("artifacts").description("looks at what stages have made");
  artifacts
    .command("ls")
    .description("lists artifacts")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("./commands/artifacts.ts")).artifactsLsCommand));
  for (const [name, description] of [
    ["show", "shows one artifact: kind, blobs with their paths, what it was made of"],
    ["lineage", "shows what an artifact was made from, back to the pictures"],
  ] as const)
    artifacts
      .command(name)
      .description(description)
      .argument("<artifact>", "digest, or its first characters")
      .addOption(store())
      .addOption(json())
      .action(async (artifact, options) => {
        const commands = await import("./commands/artifacts.ts");
        await answer(
          { ...options, artifact },
          name === "show" ? commands.artifactsShowCommand : commands.artifactsLineageCommand,
        );
      });
  artifacts
    .command("verify")
    .description("reads artifacts back and checks every byte against its hash")
    .argument("[artifact]", "digest, or its first characters (default: all)")
    .option("--remove", "takes damaged files away, so that the next run makes them anew")
    .addOption(store())
    .addOption(json())
    .action(async (artifact, options) =>
      answer({ ...options, artifact }, (await import("./commands/artifacts.ts")).artifactsVerifyCommand),
    );
}

function addNetworks(peco: Command): void {
  const images = () =>
    new Option("--images <dir>", "pictures, also in folders inside it; taken by sorted name").makeOptionMandatory();
  const network = (command: Command) =>
    command
      .option("--model <name>", "one of timm's: beit_base_patch16_224 and others; needs --weights")
      .option("--artifact <id>", "a network of the store: digest, or its first characters")
      .option("--weights <file>", "safetensors with timm's or BEiT's names; with --artifact in place of its own")
      .option("--partial", "take what fits of the weights and name the rest; what is missing is 0")
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
    .action(async (options) => answer(options, (await import("./commands/predict.ts")).predictCommand));
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
    .action(async (options) => answer(options, (await import("./commands/features.ts")).featuresCommand));
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
    .action(async (options) => answer(options, (await import("./commands/export.ts")).exportCommand));
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
    .action(async (options) => answer(options, (await import("./commands/evaluate-bapps.ts")).evaluateBappsCommand));
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
    .option("--network <n>", "which of a classifier's networks (default: the best on validation)", positive)
    .option("--average", "the moving average of a classifier's weights")
    .option("--classes <file>", "names of the outputs, one on a line, for a model (ImageNet: wnids)")
    .option("--batch <n>", "pictures computed at a time", positive, 32)
    .addOption(store())
    .addOption(json())
    .action(async (options) =>
      answer(options, (await import("./commands/evaluate-robustness.ts")).evaluateRobustnessCommand),
    );
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
      answer(options, (await import("./commands/tokenizer-inspect.ts")).tokenizerInspectCommand),
    );
}

function addPlan(peco: Command): void {
  peco
    .command("plan")
    .description("says what an experiment takes: parameters, operations, memory, steps, time; runs nothing of it")
    .option("--recipe <name|file>", "the experiment (default: lists those that there are)")
    .option("--set <path=value>", "changes one value of the recipe; repeatable", collect)
    .option("--gpu <kind>", "v100, a100, h100 or h200", "a100")
    .option("--gpus <n>", "how many of them", positive, 8)
    .option("--classes <n>", "classes of the pictures", positive, 1000)
    .option("--values", "also every value of the recipe, and the publication that it was taken from")
    .addOption(json())
    .action(async (options) => answer(options, (await import("./commands/plan.ts")).planCommand));
}

function addData(peco: Command): void {
  const data = peco.command("data").description("packs pictures, and looks at them");
  const recipe = () => new Option("--recipe <name|file>", "whose split, size and form are used").default("small");
  const set = () => new Option("--set <path=value>", "changes one value of the recipe; repeatable").argParser(collect);
  data
    .command("pack")
    .description("packs a folder, tar files or shards as peco run does, and says what was found")
    .argument("<dir>", "pictures as for peco run --data")
    .addOption(recipe())
    .addOption(set())
    .addOption(
      new Option("--form <form>", "pixels at one size, or the files themselves").choices(["decoded", "encoded"]),
    )
    .option("--size <n>", "pixels on a side, decoded", positive)
    .addOption(store())
    .addOption(json())
    .action(async (folder, options) =>
      answer({ ...options, folder }, (await import("./commands/data-pack.ts")).dataPackCommand),
    );
  data
    .command("inspect")
    .description("shows what a folder or packed pictures hold: index, hashes, classes, sizes, split")
    .argument("<artifact|dir>", "digest of packed pictures, or its first characters, or a folder")
    .addOption(recipe())
    .addOption(set())
    .option("--sheet <file>", "write a PNG with some pictures, a class in each row")
    .addOption(store())
    .addOption(json())
    .action(async (what, options) =>
      answer({ ...options, what }, (await import("./commands/data-inspect.ts")).dataInspectCommand),
    );
  data
    .command("verify")
    .description("reads packed pictures back and checks every byte; with a folder, says what differs there")
    .argument("<artifact>", "digest, or its first characters")
    .argument("[dir]", "the folder that they were packed from")
    .addOption(store())
    .addOption(json())
    .action(async (artifact, folder, options) =>
      answer({ ...options, artifact, folder }, (await import("./commands/data-verify.ts")).dataVerifyCommand),
    );
}

function addBench(peco: Command): void {
  const bench = peco.command("bench").description("measures speed on this machine");
  for (const [name, description] of [
    ["runtime", "compiled steps of the runtime: mim, mim-small, conv"],
    ["stages", "the trainers' steps of the small recipe, batches ready"],
  ] as const)
    bench
      .command(name)
      .description(description)
      .option("--peers", "also PyTorch and JAX where they are installed, interleaved")
      .option("--python <file>", "Python that has them", "python3")
      .option("--case <names>", "only these, separated by commas")
      .option("--rounds <n>", "interleaved rounds", positive)
      .option("--threads <n>", "threads of a step", positive)
      .addOption(json())
      .action(async (options) => {
        const commands = await import("./commands/bench.ts");
        await answer(options, name === "runtime" ? commands.benchRuntimeCommand : commands.benchStagesCommand);
      });
}

function addStudy(peco: Command): void {
  const study = peco
    .command("study")
    .enablePositionalOptions()
    .description(
      "compares perceptual tokens with other ways to pre-train, over several seeds; goes on where it stopped",
    )
    .option("--data <name|dir>", "emoji, or a folder of pictures in classes (default: generated pictures)")
    .addOption(store())
    .option("--out <dir>", "folder for study.md and study/ (default: docs/ in this checkout)")
    .option("--recipe <name|file>", "what all arms share (default: study/generated, or study/emoji)")
    .option("--set <path=value>", "changes one value of the recipe for all arms; repeatable", collect)
    .option("--seeds <list>", "seeds (default: 11 to 18, of a folder 11 to 14)", seedList)
    .option("--arms <list>", "only these arms, separated by commas (default: all)", list)
    .option(
      "--budgets <list>",
      "labelled pictures for fine-tuning, the main number first (default: 320,1024)",
      budgetList,
    )
    .option("--jobs <n>", "seeds at a time (default: cores / threads of the recipe)", positive)
    .option("--hours <n>", "begin nothing more after so many hours", hours)
    .option("--dry-run", "say what is there, what is missing, and how long it will take; run nothing")
    .option("--collect", "run nothing, write results and page from what is finished")
    .addOption(json())
    .action(async (options) => answer(options, (await import("./study/command.ts")).studyCommand));
  study
    .command("report")
    .description("writes a study's page and plots anew from its results")
    .option("--results <file>", "results.json of a study (default: docs/study/results.json)")
    .addOption(json())
    .action(async (options) => answer(options, (await import("./study/report.ts")).studyReportCommand));
}

function addHouse(peco: Command): void {
  peco
    .command("clean")
    .description("shows what takes space, and removes what is asked")
    .option("--unused", "results, artifacts and blobs that no run needs")
    .option("--checkpoints", "checkpoints of unfinished stages")
    .option("--generated", "picture files of generated sets, which are made anew when needed")
    .option("--caches", "Node, packages and TensorFlow library fetched for this user")
    .option("--all", "the whole store")
    .option("--yes", "really remove")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("./commands/clean.ts")).cleanCommand));
  peco
    .command("doctor")
    .description("says what this machine has and lacks")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("./commands/doctor.ts")).doctorCommand));
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It must be a whole number from 1.");
  return value;
}

function toleranceOf(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value < 1))
    throw new InvalidArgumentError("It must be a share, such as 0.05.");
  return value;
}

function seed(text: string): bigint {
  if (!/^\d{1,19}$/.test(text))
    throw new InvalidArgumentError("It must be a whole number from 0 with at most 19 digits.");
  return BigInt(text);
}

function seedList(text: string): bigint[] {
  const seeds = text.split(",").map((part) => seed(part.trim()));
  if (new Set(seeds).size !== seeds.length) throw new InvalidArgumentError("A seed is there twice.");
  return seeds;
}

function list(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

function budgetList(text: string): (number | null)[] {
  const budgets = list(text).map((part) => (part === "all" ? null : positive(part)));
  if (new Set(budgets).size !== budgets.length) throw new InvalidArgumentError("A number is there twice.");
  return budgets;
}

function hours(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

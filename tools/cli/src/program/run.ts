import type { Command } from "commander";
import { answer } from "../output.ts";
import { budgetList, collect, hours, json, list, positive, seed, seedList, store } from "./options.ts";

/** Commands that carry out experiments and tests, or say what they take. */
export function addRunCommands(peco: Command): void {
  addRun(peco);
  addTest(peco);
  addPlan(peco);
  addStudy(peco);
}

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
    .action(async (options) => answer(options, (await import("../run/command.ts")).runCommand));
}

function addTest(peco: Command): void {
  peco
    .command("test")
    .description("runs the tests; quick ones, unless told otherwise")
    .argument("[paths...]", "only test files whose path contains one of these words")
    .option("--group <name>", "a slow group: conformance, package, pipeline, faults or browser")
    .option("--all", "the quick tests and every slow group")
    .addOption(json())
    .action(async (paths, options) => answer({ ...options, paths }, (await import("../commands/test.ts")).testCommand));
  peco
    .command("lint")
    .description("checks format, types, layers and contracts")
    .option("--fix", "mends what can be mended by itself")
    .addOption(json())
    .action(async (options) => answer(options, (await import("../commands/lint.ts")).lintCommand));
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
    .action(async (options) => answer(options, (await import("../commands/plan.ts")).planCommand));
}

function addStudy(peco: Command): void {
  const study = peco
    .command("study")
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
    .action(async (options) => answer(options, (await import("../study/command.ts")).studyCommand));
  study
    .command("report")
    .description("writes a study's page and plots anew from its results")
    .option("--results <file>", "results.json of a study (default: docs/study/results.json)")
    .addOption(json())
    .action(async (options) => answer(options, (await import("../study/report.ts")).studyReportCommand));
  study
    .command("compare")
    .description("several studies side by side by their validation pictures alone, to choose a recipe by")
    .argument("<results...>", "results.json of each study")
    .addOption(json())
    .action(async (results, options) =>
      answer({ ...options, results }, (await import("../study/compare-validation.ts")).studyCompareCommand),
    );
}

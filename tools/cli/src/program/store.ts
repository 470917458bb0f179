import type { Command } from "commander";
import { answer } from "../output.ts";
import { collect, json, store, toleranceOf } from "./options.ts";

/** Commands that look at what lies in the store. */
export function addStoreCommands(peco: Command): void {
  addRuns(peco);
  addArtifacts(peco);
}

function addRuns(peco: Command): void {
  const runs = peco.command("runs").description("looks at past runs");
  runs
    .command("ls")
    .description("lists runs")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("../commands/runs.ts")).runsLsCommand));
  runs
    .command("show")
    .description("shows one run: stages, artifacts, figures")
    .argument("<run>")
    .addOption(store())
    .addOption(json())
    .action(async (run, options) => answer({ ...options, run }, (await import("../commands/runs.ts")).runsShowCommand));
  runs
    .command("compare")
    .description("shows what differs between runs: recipe, inputs, figures")
    .argument("<runs...>")
    .addOption(store())
    .addOption(json())
    .action(async (names, options) =>
      answer({ ...options, runs: names }, (await import("../commands/runs.ts")).runsCompareCommand),
    );
  runs
    .command("rm")
    .description("removes runs (their artifacts go with peco clean)")
    .argument("<runs...>")
    .addOption(store())
    .addOption(json())
    .action(async (names, options) =>
      answer({ ...options, runs: names }, (await import("../commands/runs.ts")).runsRmCommand),
    );
  peco
    .command("report")
    .description("writes a run's report.html anew from the store")
    .argument("<run>")
    .addOption(store())
    .addOption(json())
    .action(async (run, options) => answer({ ...options, run }, (await import("../commands/report.ts")).reportCommand));
  peco
    .command("reproduce")
    .description("repeats a run by its reproducibility card, and says how near it came")
    .argument("<card>", "the card.json that a run wrote beside its report")
    .option("--data <dir>", "the pictures, where they lie elsewhere now")
    .option("--set <key=file>", "where a file that the recipe names lies now, such as codebook.weights", collect)
    .option("--store <dir>", "a new folder for the repetition (default: reproductions/RUN in this checkout)")
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
      answer({ ...options, card }, (await import("../commands/reproduce.ts")).reproduceCommand),
    );
}

function addArtifacts(peco: Command): void {
  const artifacts = peco.command("artifacts").description("looks at what stages have made");
  artifacts
    .command("ls")
    .description("lists artifacts")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("../commands/artifacts.ts")).artifactsLsCommand));
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
        const commands = await import("../commands/artifacts.ts");
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
      answer({ ...options, artifact }, (await import("../commands/artifacts.ts")).artifactsVerifyCommand),
    );
}

import type { Command } from "commander";
import { answer } from "../output.ts";
import { json, positive, store } from "./options.ts";

/** Commands about this machine and what lies on it. */
export function addHouseCommands(peco: Command): void {
  addBench(peco);
  addHouse(peco);
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
        const commands = await import("../commands/bench.ts");
        await answer(options, name === "runtime" ? commands.benchRuntimeCommand : commands.benchStagesCommand);
      });
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
    .action(async (options) => answer(options, (await import("../commands/clean.ts")).cleanCommand));
  peco
    .command("doctor")
    .description("says what this machine has and lacks")
    .addOption(store())
    .addOption(json())
    .action(async (options) => answer(options, (await import("../commands/doctor.ts")).doctorCommand));
}

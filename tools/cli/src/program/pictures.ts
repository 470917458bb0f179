import { type Command, Option } from "commander";
import { answer } from "../output.ts";
import { collect, json, positive, store } from "./options.ts";

/** Commands about pictures and masks. */
export function addPicturesCommands(peco: Command): void {
  addMasks(peco);
  addData(peco);
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
    .action(async (options) => answer(options, (await import("../commands/masks.ts")).masksCommand));
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
      answer({ ...options, folder }, (await import("../commands/data-pack.ts")).dataPackCommand),
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
      answer({ ...options, what }, (await import("../commands/data-inspect.ts")).dataInspectCommand),
    );
  data
    .command("verify")
    .description("reads packed pictures back and checks every byte; with a folder, says what differs there")
    .argument("<artifact>", "digest, or its first characters")
    .argument("[dir]", "the folder that they were packed from")
    .addOption(store())
    .addOption(json())
    .action(async (artifact, folder, options) =>
      answer({ ...options, artifact, folder }, (await import("../commands/data-verify.ts")).dataVerifyCommand),
    );
}

import { Command } from "commander";
import { addHouseCommands } from "./program/house.ts";
import { addNetworksCommands } from "./program/networks.ts";
import { addPicturesCommands } from "./program/pictures.ts";
import { addRunCommands } from "./program/run.ts";
import { addStoreCommands } from "./program/store.ts";

/** The whole command line, without side effects: actions import what they need when they are called. */
export function program(): Command {
  const peco = new Command("peco")
    .description(
      "Pre-trains a vision transformer with a perceptual codebook (PeCo), from a folder of pictures to a report.",
    )
    // What a command and its subcommand both take, such as --json, is the subcommand's where it stands behind its name.
    .enablePositionalOptions()
    .exitOverride();
  addRunCommands(peco);
  addStoreCommands(peco);
  addPicturesCommands(peco);
  addNetworksCommands(peco);
  addHouseCommands(peco);
  pointToHelp(peco, "peco");
  return peco;
}

/** After a mistake each command names its own help. */
function pointToHelp(command: Command, name: string): void {
  command.showHelpAfterError(`(${name} --help shows what there is)`);
  for (const child of command.commands) pointToHelp(child, `${name} ${child.name()}`);
}

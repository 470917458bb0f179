import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { program } from "./program.ts";

/** Where the launcher finds the help texts. */
export const helpFolder = `${import.meta.dirname}/../help`;

/** The help of every command by file name: `run.txt`, `runs-ls.txt`; `peco.txt` is the whole program's. */
export function helpTexts(): Map<string, string> {
  const texts = new Map<string, string>();
  const visit = (command: Command, path: string[]) => {
    command.configureHelp({ helpWidth: 100 });
    texts.set(`${path.length === 0 ? "peco" : path.join("-")}.txt`, command.helpInformation());
    for (const child of command.commands) visit(child, [...path, child.name()]);
  };
  visit(program(), []);
  return texts;
}

if (import.meta.main) {
  mkdirSync(helpFolder, { recursive: true });
  for (const old of readdirSync(helpFolder)) rmSync(`${helpFolder}/${old}`);
  for (const [file, text] of helpTexts()) writeFileSync(`${helpFolder}/${file}`, text);
}

import { CommanderError } from "commander";
import { program } from "./program.ts";

/** Runs one command line; what went wrong is one sentence with its remedy, and the exit code of the table. */
async function main(words: string[]): Promise<void> {
  try {
    await program().parseAsync(words, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 64;
    else await report(error, words.includes("--json"));
  }
}

async function report(error: unknown, json: boolean): Promise<void> {
  const { failureOf } = await import("@peco/rpc");
  const failure = failureOf(error);
  process.exitCode = failure.exitCode;
  if (json) process.stdout.write(`${JSON.stringify({ error: failure }, null, 2)}\n`);
  const lines = [`peco: ${failure.message}`, ...(failure.remedy === "" ? [] : [`      ${failure.remedy}`])];
  // Only a fault of the program itself shows where it happened: for everything else the remedy is what helps.
  if (failure.exitCode === 70 && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  process.stderr.write(`${lines.join("\n")}\n`);
}

await main(process.argv.slice(2));

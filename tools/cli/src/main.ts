import { CommanderError } from "commander";
import { asFailure } from "./output.ts";
import { program } from "./program.ts";

/** Runs one command line; what went wrong is one sentence with its remedy, and the exit code of the table. */
async function main(words: string[]): Promise<void> {
  try {
    await program().parseAsync(words, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 64;
      return;
    }
    report(error, words.includes("--json"));
  }
}

function report(error: unknown, json: boolean): void {
  const { stack, ...failure } = asFailure(error);
  process.exitCode = failure.exitCode;
  if (json) process.stdout.write(`${JSON.stringify({ error: failure }, null, 2)}\n`);
  const lines = [`peco: ${failure.message}`, ...(failure.remedy === undefined ? [] : [`      ${failure.remedy}`])];
  if (stack !== undefined) lines.push("      This is a fault of peco. Where it happened:", stack);
  process.stderr.write(`${lines.join("\n")}\n`);
}

await main(process.argv.slice(2));

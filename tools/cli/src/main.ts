import { CommanderError } from "commander";
import { program } from "./program.ts";

/** Runs one command line; what went wrong is one sentence with its remedy, and the exit code of the table. */
async function main(words: string[]): Promise<void> {
  try {
    await program().parseAsync(words, { from: "user" });
  } catch (error) {
    const json = words.includes("--json");
    if (error instanceof CommanderError) misused(error, json);
    else await report(error, json);
  }
}

/** A wrong command line: commander has written its sentence to standard error already. */
function misused({ exitCode, message }: CommanderError, json: boolean): void {
  if (exitCode === 0) return;
  process.exitCode = 64;
  const failure = {
    name: "UsageError",
    message: message.replace(/^error: /, ""),
    exitCode: 64,
    remedy: "Look at the command's --help.",
    path: "",
  };
  if (json) process.stdout.write(`${JSON.stringify({ error: failure }, null, 2)}\n`);
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

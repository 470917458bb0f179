import { spawn } from "node:child_process";
import { z } from "zod";
import { checkout } from "../checkout.ts";
import type { Answer } from "../output.ts";

/** The document of `peco lint --json`. */
export const lintDocument = z.object({
  checks: z.array(z.object({ check: z.string(), ok: z.boolean(), seconds: z.number(), output: z.string() })),
});

/** Runs every static check at the root: format and rules, types, layers, contracts. */
export async function lintCommand(options: { fix?: boolean; json?: boolean }): Promise<Answer> {
  const bin = (name: string) => `${checkout}/node_modules/.bin/${name}`;
  const commands: [string, string[]][] = [
    ["format and rules", [bin("biome"), "check", ...(options.fix === true ? ["--write"] : []), "."]],
    ["types", [bin("tsc"), "-p", "."]],
    ["layers", [process.execPath, "tools/workspace/src/layers.ts"]],
    ["contracts", [bin("buf"), "lint"]],
  ];
  const checks = [];
  for (const [check, [command, ...words]] of commands) {
    const started = performance.now();
    const { code, output } = await run(command ?? "", words);
    checks.push({ check, ok: code === 0, seconds: Math.round((performance.now() - started) / 10) / 100, output });
  }
  const text = checks.map((c) => (c.ok ? `ok      ${c.check}` : `FAILED  ${c.check}\n${c.output}`)).join("\n");
  return { document: { checks }, text, exitCode: checks.every((c) => c.ok) ? 0 : 1 };
}

/** Runs a command in the checkout and gives its exit code with all that it said. */
function run(command: string, words: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(command, words, { cwd: checkout, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const add = (bytes: Buffer) => {
    output += bytes.toString();
  };
  child.stdout.on("data", add);
  child.stderr.on("data", add);
  return new Promise((resolve, reject) =>
    child.on("error", reject).on("close", (code) => resolve({ code: code ?? 1, output })),
  );
}

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { exampleStore, temporaryFolder } from "../test/example-store.ts";
import { documents, errorDocument } from "./documents.ts";
import { jsonDocs, jsonDocsPath, jsonSchemas, jsonSchemasPath } from "./json-docs.ts";
import { program } from "./program.ts";

/** Runs the command line as a process of its own. */
async function peco(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = promisify(execFile)(process.execPath, [join(import.meta.dirname, "main.ts"), ...words]);
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

describe("the documents of --json", () => {
  it("are described as they are (node tools/cli/src/json-docs.ts writes both files)", () => {
    expect(readFileSync(jsonDocsPath, "utf8")).toBe(jsonDocs());
    expect(readFileSync(jsonSchemasPath, "utf8")).toBe(jsonSchemas());
  });

  it("are described for every command that has them", () => {
    const found: string[] = [];
    const visit = (command: Command, path: readonly string[]): void => {
      if (command.options.some(({ long }) => long === "--json")) found.push(path.join(" "));
      for (const child of command.commands) visit(child, [...path, child.name()]);
    };
    visit(program(), []);
    const described = Object.keys(documents).filter((name) => !name.includes("--"));
    expect(described.sort()).toEqual(found.sort());
  });

  it("are all that comes on standard output, and of their schema", async () => {
    const { folder, done, failed } = await exampleStore();
    // the commands' own tests hold the rest to their schemas
    const commands: [string, string[]][] = [
      ["runs compare", [done, failed]],
      ["artifacts verify", []],
      ["doctor", []],
    ];
    for (const [command, words] of commands) {
      const { stdout, stderr } = await peco(...command.split(" "), ...words, "--store", folder, "--json");
      const parsed = documents[command]?.safeParse(JSON.parse(stdout));
      expect({ command, stderr, problem: parsed?.error?.message }).toEqual({ command, stderr: "", problem: undefined });
    }
  });

  it("name the failure when a command fails, with its exit code", async () => {
    const missing = join(temporaryFolder(), "store");
    const { code, stdout, stderr } = await peco("runs", "ls", "--store", missing, "--json");
    const { error } = errorDocument.parse(JSON.parse(stdout));
    expect(error).toMatchObject({ exitCode: 65, path: missing, remedy: expect.stringContaining("--store DIR") });
    expect(code).toBe(65);
    expect(stderr).toContain(error.message);
  });

  it("name a wrong command line, too", async () => {
    const { code, stdout, stderr } = await peco("runs", "ls", "--frobnicate", "--json");
    const document = errorDocument.strict().parse(JSON.parse(stdout));
    expect(document.error).toMatchObject({ exitCode: 64, message: "unknown option '--frobnicate'" });
    expect(code).toBe(64);
    expect(stderr).toContain("(peco runs ls --help shows what there is)");
  });
});

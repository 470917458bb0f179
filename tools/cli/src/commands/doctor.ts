import { z } from "zod";
import type { Check } from "../doctor/check.ts";
import { chromium, cores, gpu, memory, processor, system } from "../doctor/machine.ts";
import { disk, installer, library, node, npm, store } from "../doctor/software.ts";
import type { Answer } from "../output.ts";

/** The document of `peco doctor --json`. */
export const doctorDocument = z.object({
  ready: z.boolean().describe("whether ./peco run would work"),
  checks: z.array(
    z.object({
      check: z.string(),
      state: z.enum(["ok", "note", "missing"]).describe("missing: ./peco run cannot work; note: worth knowing"),
      found: z.string(),
      remedy: z.string().nullable(),
    }),
  ),
});

/** Says what this machine has and lacks. The exit code is 0 when `./peco run` would work, else what it would end with. */
export async function doctorCommand(
  options: { store?: string; json?: boolean },
  env: NodeJS.ProcessEnv = process.env,
): Promise<Answer> {
  const { there, ...found } = library(env);
  const checks: Check[] = [
    system(),
    processor(),
    cores(),
    memory(),
    ...(await disk(env, options.store, there)),
    await store(options.store),
    node(),
    await npm(env),
    found,
    await installer(env, there),
    await gpu(env),
    chromium(env),
  ];
  const failed = checks.find(({ state }) => state === "missing");
  const document: z.infer<typeof doctorDocument> = {
    ready: failed === undefined,
    checks: checks.map(({ exitCode: _, ...check }) => check),
  };
  return { document, text: describe(document), exitCode: failed?.exitCode ?? 0 };
}

function describe({ ready, checks }: z.infer<typeof doctorDocument>): string {
  const width = Math.max(...checks.map(({ check }) => check.length));
  const lines = checks.flatMap(({ check, state, found, remedy }) => {
    const head = `${state.padEnd(7)}  ${check.padEnd(width)}  ${found}`;
    return remedy === null ? [head] : [head, `${" ".repeat(width + 11)}${remedy}`];
  });
  return [
    ...lines,
    "",
    ready ? "./peco run would work here." : "./peco run would not work here: see what is missing above.",
  ].join("\n");
}

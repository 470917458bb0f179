import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { ensureLibrary } from "tfjs-libtensorflow/library";
import { z } from "zod";
import { checkout } from "../checkout.ts";
import type { Answer } from "../output.ts";
import { UsageError } from "../usage-error.ts";

/** The slow groups, in the order in which `--all` runs them; a test file's group is in its name. */
const groups = ["conformance", "package", "pipeline", "faults", "browser"] as const;

const countsSchema = z.object({ passed: z.int(), failed: z.int(), skipped: z.int() });
/** The document of `peco test --json`. */
export const testDocument = z.object({
  groups: z.array(countsSchema.extend({ group: z.string(), seconds: z.number() })),
  total: countsSchema,
});

/**
 * Runs the tests, one Vitest process a group so that a slow group's memory goes with it, and closes with the sum.
 * Vitest's own output goes to standard error under `--json`.
 */
export async function testCommand(options: {
  paths: string[];
  group?: string;
  all?: boolean;
  json?: boolean;
}): Promise<Answer> {
  const asked = chosenGroups(options);
  await ensureLibrary();
  const results = [];
  for (const group of asked) {
    process.stderr.write(`\npeco test: ${group}\n`);
    const started = performance.now();
    const counts = await vitest(group, options.paths, options.json === true);
    results.push({ group, ...counts, seconds: Math.round((performance.now() - started) / 100) / 10 });
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const r of results) for (const k of ["passed", "failed", "skipped"] as const) total[k] += r[k];
  const lines = results.map(
    (r) => `${r.group}: ${r.passed} passed, ${r.failed} failed, ${r.skipped} skipped in ${r.seconds} s`,
  );
  const text = ["", ...lines, "", `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`].join(
    "\n",
  );
  return { document: { groups: results, total }, text, exitCode: total.failed === 0 ? 0 : 1 };
}

function chosenGroups(options: { group?: string; all?: boolean }): string[] {
  if (options.all === true) return ["quick", ...groups];
  if (options.group === undefined) return ["quick"];
  if (!groups.some((g) => g === options.group))
    throw new UsageError(`--group ${options.group}: there are ${groups.join(", ")}`);
  return [options.group];
}

/** One Vitest run. A run that wrote no counts (it crashed, or found no file) counts as one failure. */
async function vitest(group: string, paths: string[], quiet: boolean): Promise<z.infer<typeof countsSchema>> {
  const folder = mkdtempSync(join(tmpdir(), "peco-test-"));
  const countsFile = join(folder, "counts.json");
  // FORCE_COLOR (nx and some CI set it) would colour what the programs under test print, and they are read as they are.
  const { PECO_TEST_GROUP: _group, FORCE_COLOR: _colour, ...environment } = process.env;
  const env = {
    ...environment,
    // tests call the repository's tools by name, as an npm script does
    PATH: `${join(checkout, "node_modules/.bin")}${delimiter}${environment["PATH"] ?? ""}`,
    NO_COLOR: "1",
    PECO_TEST_COUNTS: countsFile,
    ...(group === "quick" ? {} : { PECO_TEST_GROUP: group }),
  };
  const child = spawn(process.execPath, [join(checkout, "node_modules/vitest/vitest.mjs"), "run", ...paths], {
    cwd: checkout,
    env,
    stdio: ["ignore", quiet ? 2 : 1, 2],
  });
  const code = await new Promise<number>((resolve, reject) =>
    child.on("error", reject).on("exit", (c) => resolve(c ?? 1)),
  );
  try {
    const counts = countsSchema.parse(JSON.parse(readFileSync(countsFile, "utf8")));
    return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

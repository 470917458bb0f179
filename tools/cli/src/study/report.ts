import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { z } from "zod";
import { checkout } from "../checkout.ts";
import type { Answer } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import { studyPage } from "./page.ts";
import { studyPlots } from "./plots.ts";
import { type StudyResults, studyResults } from "./results.ts";

/** The document of `peco study report --json`. */
export const studyReportDocument = z.object({ page: z.string(), plots: z.array(z.string()), rows: z.int() });

/** `peco study report`: the page and the plots anew, from a study's figures alone. */
export async function studyReportCommand(options: { results?: string; json?: boolean }): Promise<Answer> {
  const file = resolve(options.results ?? join(checkout, "docs/study/results.json"));
  const results = await readResults(file);
  const folder = resolve(file, "..");
  const files = { results: file, page: `${folder}.md`, plots: folder };
  const plots = await writeStudyPage(results, files);
  const document: z.infer<typeof studyReportDocument> = { page: files.page, plots, rows: results.rows.length };
  return { document, text: [files.page, ...plots].join("\n") };
}

/** Reads the results of a study. @throws UsageError where there are none */
export async function readResults(file: string): Promise<StudyResults> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    throw new UsageError(`there are no results in ${file}`, "Run `./peco study` first, or name its results.json.");
  }
  try {
    return studyResults.parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new UsageError(`${file} is no study's results: ${reason}`, "Take the file as `./peco study` wrote it.");
  }
}

/** Writes the page and its plots; the paths of the plots. */
export async function writeStudyPage(
  results: StudyResults,
  files: { readonly results: string; readonly page: string; readonly plots: string },
): Promise<string[]> {
  const plots = await studyPlots(results);
  await mkdir(files.plots, { recursive: true });
  for (const { name, svg } of plots) await writeFile(join(files.plots, name), svg);
  const from = resolve(files.page, "..");
  const shown = plots.map(({ name, title }) => ({ file: relative(from, join(files.plots, name)), title }));
  await writeFile(files.page, studyPage(results, { results: relative(from, files.results), plots: shown }));
  return plots.map(({ name }) => join(files.plots, name));
}

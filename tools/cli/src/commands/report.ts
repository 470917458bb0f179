import { renderReport } from "@peco/report";
import { z } from "zod";
import { openStore } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { bytes } from "../table.ts";

/** The document of `peco report --json`. */
export const reportDocument = z.object({
  run: z.string(),
  report: z.string().describe("path of report.html"),
  bytes: z.int(),
});

/** Writes a run's page anew from what lies in the store. */
export async function reportCommand(options: { store?: string; run: string; json?: boolean }): Promise<Answer> {
  const store = await openStore(options.store);
  const run = await store.runs.resolve(options.run);
  const page = await renderReport(store, run);
  const report = await store.runs.writeFile(run, "report.html", page);
  const document: z.infer<typeof reportDocument> = { run, report, bytes: Buffer.byteLength(page) };
  return { document, text: `${report} (${bytes(document.bytes)})` };
}

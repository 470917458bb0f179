import { readFileSync } from "node:fs";
import { ObjectMissing } from "@peco/artifacts";
import { describe, expect, it } from "vitest";
import { exampleStore } from "../../test/example-store.ts";
import { reportCommand, reportDocument } from "./report.ts";

describe("report", () => {
  it("writes the page of a run anew, also of one that failed", async () => {
    const { folder, failed } = await exampleStore();
    for (const _ of [1, 2]) {
      const { document, text } = await reportCommand({ store: folder, run: failed });
      const { run, report, bytes } = reportDocument.parse(document);
      const page = readFileSync(report);
      expect(run).toBe(failed);
      expect(page.length).toBe(bytes);
      expect(page.toString()).toContain("a loss was not finite");
      expect(text).toContain(report);
    }
  });

  it("knows no run that is not there", async () => {
    const { folder } = await exampleStore();
    await expect(reportCommand({ store: folder, run: "nonsense" })).rejects.toThrow(ObjectMissing);
  });
});

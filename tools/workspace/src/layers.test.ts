import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { layerViolations } from "./layers.ts";

const root = mkdtempSync(join(tmpdir(), "peco-layers-"));
afterAll(() => rmSync(root, { recursive: true }));

function write(folder: string, name: string, dependencies: Record<string, string>): void {
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, folder, "package.json"), JSON.stringify({ name, dependencies }));
}

describe("the table of layers", () => {
  it("is kept by this checkout", () => {
    expect(layerViolations(`${import.meta.dirname}/../../..`)).toEqual([]);
  });

  it("refuses a dependency upwards and a package that it does not name, and lets others' packages be", () => {
    write("libs/random", "@peco/random", { "@peco/data": "0.0.0" });
    write("libs/data", "@peco/data", { "@peco/random": "0.0.0", sharp: "0.35.5" });
    write("services/new", "@peco/new-service", {});
    expect(layerViolations(root).sort()).toEqual([
      "libs/random/package.json: @peco/random may not depend on @peco/data",
      "services/new/package.json: @peco/new-service is not in the table of tools/workspace/src/layers.ts",
    ]);
  });
});

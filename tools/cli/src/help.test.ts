import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { helpFolder, helpTexts } from "./help.ts";

it("keeps the help texts that the launcher prints up to date (node tools/cli/src/help.ts writes them)", () => {
  const texts = helpTexts();
  expect(readdirSync(helpFolder).sort()).toEqual([...texts.keys()].sort());
  for (const [file, text] of texts) expect(readFileSync(`${helpFolder}/${file}`, "utf8")).toBe(text);
});

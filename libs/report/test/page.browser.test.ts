import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { access } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderReport } from "../src/index.ts";
import { type ExampleOptions, exampleRun } from "./example-run.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-page-"));
const checks = readFileSync(new URL("page-checks.js", import.meta.url), "utf8");
/** Calls one of the checks of page-checks.js inside the page. */
const check = <T>(page: Page, name: string) => page.evaluate<T>(`{ ${checks} }; pageChecks.${name}()`);

const ODD_CLASSES = [
  "Äpfel & Birnen",
  "<script>alert(1)</script>",
  "a_class_with_one_very_long_name_that_nothing_can_break_anywhere_at_all",
  "z",
];
const PAGES: [name: string, options: ExampleOptions][] = [
  ["one seed", {}],
  ["three seeds, odd names", { seeds: ["1", "2", "18446744073709551615"], classes: ODD_CLASSES }],
  ["without classes", { flat: true, pictures: 2 }],
  ["a hundred classes", { classes: Array.from({ length: 100 }, (_, i) => `class ${i}`), pictures: 3 }],
];
const VIEWS = [
  { width: 390, scheme: "light" },
  { width: 390, scheme: "dark" },
  { width: 1280, scheme: "light" },
  { width: 1280, scheme: "dark" },
] as const;

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: await findChromium(), args: ["--no-sandbox"] });
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** The first of Chromium's usual names on the PATH. */
async function findChromium(): Promise<string> {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const place of (process.env["PATH"] ?? "").split(delimiter)) {
      const path = join(place, name);
      const found = await access(path).then(
        () => true,
        () => false,
      );
      if (found) return path;
    }
  }
  throw new Error("no Chromium on the PATH: install Debian's package chromium");
}

describe.each(PAGES)("a page of %s", (name, options) => {
  const file = join(folder, `${name}.html`);
  beforeAll(async () => {
    const { store, id } = await exampleRun(join(folder, `store of ${name}`), options);
    writeFileSync(file, await renderReport(store, id));
  });

  describe.each(VIEWS)("$width px wide, $scheme", ({ width, scheme }) => {
    let page: Page;
    const asked: string[] = [];
    const said: string[] = [];
    beforeAll(async () => {
      page = await browser.newPage({ viewport: { width, height: 844 }, colorScheme: scheme });
      page.on("request", (request) => asked.push(request.url()));
      page.on("console", (message) => said.push(message.text()));
      page.on("pageerror", (error) => said.push(error.message));
      await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
      await check(page, "openDetails");
    });
    afterAll(() => page.close());

    it("asks for nothing but itself, and says nothing in the console", () => {
      expect(asked.filter((url) => !url.startsWith("data:"))).toEqual([pathToFileURL(file).href]);
      expect(said).toEqual([]);
    });

    it("does not scroll sideways, not even a part of it", async () => {
      expect(await check(page, "overflow")).toEqual({ page: 0, over: [] });
    });

    it("shows every picture, large, with its pixels visible, and says what it is", async () => {
      const pictures = await check<{ alt: string; loaded: boolean; width: number; rendering: string }[]>(
        page,
        "pictures",
      );
      expect(pictures.length).toBe((options.pictures ?? 8) * 11);
      for (const picture of pictures) {
        expect(picture).toMatchObject({ alt: expect.stringMatching(/\w+ .*\w/), loaded: true, rendering: "pixelated" });
        expect(picture.width).toBeGreaterThanOrEqual(96);
      }
    });

    it("describes every drawing", async () => {
      for (const label of await check<string[]>(page, "drawings")) expect(label.length).toBeGreaterThan(20);
    });

    it("has letters that can be read on their ground", async () => {
      expect(await check(page, "poorContrasts")).toEqual([]);
    });
  });

  it("has headings in order, landmarks, and links that lead somewhere", async () => {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    const found = await check<{ levels: number[]; ids: string[] }>(page, "outline");
    await page.close();
    expect(found).toMatchObject({
      landmarks: [1, 1, 1, 1],
      unnamed: 0,
      dead: ["card.html"], // lies beside the report of a run
      lang: "en",
      title: expect.stringContaining("PeCo run"),
    });
    expect(found.levels.filter((level) => level === 1)).toEqual([1]);
    for (const [i, level] of found.levels.entries()) expect(level - (found.levels[i - 1] ?? 0)).toBeLessThanOrEqual(1);
    expect(new Set(found.ids).size).toBe(found.ids.length);
  });
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import sharp from "sharp";
import { afterAll, expect, it } from "vitest";
import { cacheHome } from "../src/caches.ts";
import { layOut } from "../src/study/emoji.ts";
import { type StudyResults, studyResults } from "../src/study/results.ts";
import { peco } from "./peco.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-study-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const words = (...more: string[]) => [
  "study",
  ...["--recipe", "tiny", "--set", "runtime.threads=1", "--seeds", "11,12", "--jobs", "2", "--budgets", "32"],
  ...["--store", join(folder, "store"), "--out", folder, "--json"],
  ...more,
];

function results(study = "study"): StudyResults {
  return studyResults.parse(JSON.parse(readFileSync(join(folder, study, "results.json"), "utf8")));
}

it("carries out arms side by side, goes on with what lacks, and pairs them by seed", { timeout: 600_000 }, async () => {
  const first = await peco(words("--arms", "pixel-tokens"));
  expect(first.code, first.stderr).toBe(0);
  expect(results().rows.map(({ arm, seed }) => `${arm} ${seed}`)).toEqual(["pixel-tokens 11", "pixel-tokens 12"]);

  const second = await peco(words("--arms", "pixel-tokens,peco,scratch"));
  expect(second.code, second.stderr).toBe(0);
  expect(second.stderr).not.toMatch(/pixel-tokens, 32 labels \| codebook +(runs|done)/);
  const { rows, sessions } = results();
  expect(sessions).toHaveLength(2);
  expect(rows).toHaveLength(6);
  for (const seed of ["11", "12"]) {
    const own = rows.filter((row) => row.seed === seed);
    expect(new Set(own.map(({ artifacts }) => artifacts["data"])).size).toBe(1);
    expect(new Set(own.map(({ figures }) => JSON.stringify(figures))).size).toBe(3);
  }
  for (const { networks, figures } of rows) expect(figures["top1"]).toBeCloseTo(networks[0] as number, 9);
  expect(readFileSync(join(folder, "study.md"), "utf8")).toContain("PeCo − from scratch");

  const third = await peco(words("--arms", "pixel-tokens,peco,scratch"));
  expect(third.code).toBe(0);
  expect(third.stderr).not.toContain("done in");
  expect(results().sessions).toHaveLength(2);

  const page = readFileSync(join(folder, "study.md"), "utf8");
  const again = await peco(["study", "report", "--results", join(folder, "study", "results.json")]);
  expect(again.code, again.stderr).toBe(0);
  expect(readFileSync(join(folder, "study.md"), "utf8")).toBe(page);
});

/** A user's cache with two styles of made-up emoji in it, laid out, and with the library that is there. */
async function emojiCache(): Promise<string> {
  const home = join(folder, "cache");
  const cache = join(home, "peco", "emoji-16.0.0");
  const all = Array.from({ length: 90 }, (_, i) => ({
    ...{
      unified: `1F${100 + i}`,
      image: `1f${100 + i}.png`,
      category: ["Flags", "Objects", "Symbols"][i % 3] as string,
    },
    ...{ has_img_google: true, has_img_twitter: true },
  }));
  for (const [at, style] of ["google", "twitter"].entries()) {
    const pictures = join(cache, "package", "img", style, "64");
    mkdirSync(pictures, { recursive: true });
    for (const [i, { image }] of all.entries()) {
      const background = { r: 60 + 80 * (i % 3), g: i, b: 200 * at };
      await sharp({ create: { width: 16, height: 16, channels: 3, background } })
        .png()
        .toFile(join(pictures, image));
    }
  }
  writeFileSync(join(cache, "package", "emoji.json"), JSON.stringify(all));
  await layOut(cache, join(cache, "layout-1"));
  symlinkSync(join(cacheHome(), "tfjs-libtensorflow"), join(home, "tfjs-libtensorflow"));
  return home;
}

it("trains on emoji and tests them in both styles", { timeout: 600_000 }, async () => {
  const env = { XDG_CACHE_HOME: await emojiCache() };
  const store = join(folder, "emoji-store");
  const given = ["study", "--data", "emoji", "--recipe", "tiny", "--set", "runtime.threads=1", "--seeds", "11"];
  const all = [...given, "--arms", "pixel-tokens", "--store", store, "--out", folder, "--json"];
  const done = await peco(all, env);
  expect(done.code, done.stderr).toBe(0);
  const { kind, budgets, rows, pictures } = results("study-emoji");
  expect({ kind, budgets, test: pictures?.test, probe: pictures?.probeLabels }).toEqual({
    ...{ kind: "emoji", budgets: [null], test: 27, probe: 108 },
  });
  const [row] = rows;
  for (const name of ["top1", "balanced", "otherTop1", "otherBalanced", "probe", "otherProbe"])
    expect(row?.figures[name], name).toEqual(expect.any(Number));
  const opened = await Store.open(store);
  const [own, other] = [row?.artifacts["evaluate"], row?.artifacts["evaluate, other style"]];
  const [ownInputs, otherInputs] = [await opened.manifest(own ?? ""), await opened.manifest(other ?? "")].map(
    ({ inputs }) => inputs,
  );
  expect(otherInputs).toEqual({ ...ownInputs, data: otherInputs?.["data"] });
  expect(otherInputs?.["data"]).not.toBe(ownInputs?.["data"]);
  expect(readFileSync(join(folder, "study-emoji.md"), "utf8")).toContain("other style, all labels: top-1");

  const planned = await peco([...all, "--dry-run"], env);
  expect(JSON.parse(planned.stdout)).toMatchObject({ cells: [{ state: "finished", estimatedSeconds: 0 }] });
});

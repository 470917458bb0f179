import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { baseEmoji, emojiFolders, layOut, splitEmoji } from "./emoji.ts";

const emoji = (unified: string, category: string, more: object = {}) => ({
  unified,
  image: `${unified.toLowerCase()}.png`,
  category,
  has_img_google: true,
  has_img_twitter: true,
  ...more,
});

test("base emoji are those of both styles that nothing made obsolete", () => {
  const kept = emoji("1F600", "Smileys & Emotion");
  const others = [
    emoji("1F3FB", "Component"),
    emoji("1F46A", "People & Body", { obsoleted_by: "1F468" }),
    emoji("1F469", "People & Body", { has_img_twitter: false }),
  ];
  expect(baseEmoji([kept, ...others])).toEqual([kept]);
});

test("the split takes its shares of each class, whatever the order", () => {
  const all = Array.from({ length: 200 }, (_, i) => emoji(`${i}`, i % 4 === 0 ? "Flags" : "Objects"));
  const splits = splitEmoji(all);
  const count = (split: string, category: string) =>
    splits.get(split)?.filter((one) => one.category === category).length;
  expect(["train", "validation", "test"].map((split) => count(split, "Flags"))).toEqual([30, 5, 15]);
  expect(["train", "validation", "test"].map((split) => count(split, "Objects"))).toEqual([90, 15, 45]);
  expect([...splits.values()].flat()).toHaveLength(200);
  const reversed = splitEmoji(all.toReversed());
  for (const [split, members] of splits) expect(reversed.get(split), split).toEqual(members);
});

/** Unpacked packages of `count` emoji in two classes, each with bytes of its own in each style but for what `same` says. */
async function packages(count: number, same: Readonly<Record<string, string>> = {}): Promise<string> {
  const cache = mkdtempSync(join(tmpdir(), "peco-emoji-"));
  onTestFinished(() => rmSync(cache, { recursive: true }));
  const all = Array.from({ length: count }, (_, i) => emoji(`1F${100 + i}`, i % 3 === 0 ? "Flags" : "Food & Drink"));
  for (const style of ["google", "twitter"]) {
    const folder = join(cache, "package", "img", style, "64");
    mkdirSync(folder, { recursive: true });
    for (const { image } of all) {
      const name = `${style}-${image}`;
      writeFileSync(join(folder, image), same[name] ?? name);
    }
  }
  writeFileSync(join(cache, "package", "emoji.json"), JSON.stringify(all));
  return cache;
}

/** The files under a folder's splits: `test: flags/google-1f100.png`. */
const filesOf = (folder: string) =>
  Object.fromEntries(
    ["train", "validation", "test"].map((split) => [
      split,
      (readdirSync(join(folder, split), { recursive: true }) as string[])
        .filter((file) => file.endsWith(".png"))
        .sort(),
    ]),
  ) as Record<"train" | "validation" | "test", string[]>;

test("no emoji that is tested is seen in training in any style", async () => {
  const cache = await packages(60);
  const root = join(cache, "layout");
  await layOut(cache, root);
  const [own, other] = [filesOf(join(root, "emoji")), filesOf(join(root, "other-style"))];
  const emojiOf = (files: readonly string[]) => new Set(files.map((file) => file.replace(/(google|twitter)-/, "")));
  const styles = (files: readonly string[]) =>
    [...new Set(files.map((file) => file.match(/google|twitter/)?.[0]))].sort();
  for (const { train, validation, test } of [own, other]) {
    for (const tested of emojiOf([...test, ...validation])) expect(emojiOf(train)).not.toContain(tested);
    for (const tested of emojiOf(test)) expect(emojiOf(validation)).not.toContain(tested);
  }
  expect([own.train, own.validation, own.test].map((files) => files.length)).toEqual([72, 6, 18]);
  expect([own.train, own.validation, own.test].map(styles)).toEqual([["google", "twitter"], ["google"], ["google"]]);
  expect([other.train, other.validation, other.test].map(styles)).toEqual([["google"], ["google"], ["twitter"]]);
  expect(emojiOf(other.test)).toEqual(emojiOf(own.test));
  expect(other.validation).toEqual(own.validation);
  const labelled = readFileSync(join(root, "labels.txt"), "utf8").trimEnd().split("\n");
  expect(labelled.sort()).toEqual(own.train.filter((file) => file.includes("google")));
});

test("of emoji that are alike to the byte in either style the first is kept", async () => {
  const cache = await packages(60, {
    "google-1f131.png": "google-1f101.png",
    "twitter-1f142.png": "twitter-1f105.png",
  });
  const root = join(cache, "layout");
  await layOut(cache, root);
  const files = Object.values(filesOf(join(root, "emoji")))
    .flat()
    .join();
  expect(files).not.toMatch(/1f131|1f142/);
  expect(files).toContain("google-1f101.png");
  expect(files).toContain("google-1f105.png");
});

test("what runs nothing fetches nothing", async () => {
  vi.stubEnv("XDG_CACHE_HOME", join(tmpdir(), "peco-no-such-cache"));
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(emojiFolders(() => undefined, false)).rejects.toThrow("fetch nothing");
});

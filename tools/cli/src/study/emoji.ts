import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { link, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { cacheHome } from "../caches.ts";

const run = promisify(execFile);

/** The two packages with the same emoji in two styles, 64 pixels each, and their SHA-512 as npm gives it. */
const packages = {
  google: {
    name: "emoji-datasource-google@16.0.0",
    integrity: "sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
  },
  twitter: {
    name: "emoji-datasource-twitter@16.0.0",
    integrity: "sha512-7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ==",
  },
} as const;
type Style = keyof typeof packages;

/** The style whose labels are used, and the one that is only seen without labels and tested on. */
const labelled: Style = "google";
const other: Style = "twitter";

/** Raised when the layout of the folders changes, so that an older one is made anew. */
const LAYOUT = 1;
const SHARES = { test: 0.3, validation: 0.1 } as const;

const emojiList = z.array(
  z.object({
    unified: z.string(),
    image: z.string(),
    category: z.string(),
    obsoleted_by: z.string().optional(),
    has_img_google: z.boolean(),
    has_img_twitter: z.boolean(),
  }),
);
type Emoji = z.infer<typeof emojiList>[number];

/** The emoji as folders that `peco run --data` takes. */
export interface EmojiFolders {
  /** `train`: emoji in both styles; `validation` and `test`: other emoji, in the labelled style. */
  readonly folder: string;
  /** The training pictures whose labels are used: those of the labelled style. */
  readonly labelsFile: string;
  /** The same with the test emoji in the other style. */
  readonly otherStyle: string;
}

/** Thrown when the emoji cannot be fetched, or are not what they were. */
export class EmojiUnavailable extends Error {
  override readonly name = "EmojiUnavailable";
  readonly exitCode = 65;
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}

/**
 * Fetches the two packages by `npm pack` into the user's cache, once, and lays their pictures out: base emoji that both styles have,
 * no skin tones, none of the group Component, none that another one has made obsolete, and of byte-equal pictures the first only. The
 * split is by emoji, in each class in the order of the SHA-256 of its code points: no test emoji is seen in training in any style.
 *
 * @param fetches false: takes them only if they are there
 * @throws EmojiUnavailable
 */
export async function emojiFolders(say: (text: string) => void, fetches = true): Promise<EmojiFolders> {
  const cache = join(cacheHome(), "peco", "emoji-16.0.0");
  const root = join(cache, `layout-${LAYOUT}`);
  const folders = {
    folder: join(root, "emoji"),
    labelsFile: join(root, "labels.txt"),
    otherStyle: join(root, "other-style"),
  };
  if (await isThere(folders.labelsFile)) return folders;
  if (!fetches)
    throw new EmojiUnavailable(
      "the emoji are not on this machine yet, and --dry-run and --collect fetch nothing",
      "`./peco study --data emoji` fetches two packages of npm (about 140 MB, once) and begins; Ctrl-C stops it after that, and it goes on from there.",
    );
  await mkdir(cache, { recursive: true });
  for (const style of [labelled, other]) await fetchStyle(cache, style, say);
  const started = join(cache, `layout-${LAYOUT}.part`);
  await rm(started, { recursive: true, force: true });
  await rm(root, { recursive: true, force: true });
  await layOut(cache, started);
  await rename(started, root);
  return folders;
}

async function fetchStyle(cache: string, style: Style, say: (text: string) => void): Promise<void> {
  const { name, integrity } = packages[style];
  const file = join(cache, `${name.replace("@", "-")}.tgz`);
  if (!(await isThere(file))) {
    say(`fetching ${name} (about 70 MB, once; free artwork, its licences are in the package)`);
    const remedy = "Check the network and npm's registry setting, then start again.";
    await run("npm", ["pack", name, "--pack-destination", cache, "--silent"]).catch((cause: unknown) => {
      throw new EmojiUnavailable(`npm pack ${name} failed: ${(cause as Error).message.split("\n")[0]}`, remedy, {
        cause,
      });
    });
  }
  const found = `sha512-${createHash("sha512")
    .update(await readFile(file))
    .digest("base64")}`;
  if (found !== integrity) {
    await rm(file);
    throw new EmojiUnavailable(
      `${file} is not the ${name} that the study was made for`,
      "Start again to fetch it anew.",
    );
  }
  await run("tar", ["xzf", file, "-C", cache, "package/emoji.json", `package/img/${style}/64`, "package/LICENSE"]);
}

/** Lays the pictures of the unpacked packages in `cache` out under `root`, as {@link EmojiFolders} describes it. */
export async function layOut(cache: string, root: string): Promise<void> {
  const file = (style: Style, { image }: Emoji) => join(cache, "package", "img", style, "64", image);
  const all = emojiList.parse(JSON.parse(await readFile(join(cache, "package", "emoji.json"), "utf8")));
  const emoji = await withoutCopies(baseEmoji(all), file);
  const names: string[] = [];
  const place = async (folder: string, split: string, style: Style, one: Emoji) => {
    const name = `${slug(one.category)}/${style}-${one.image}`;
    await mkdir(join(root, folder, split, slug(one.category)), { recursive: true });
    await link(file(style, one), join(root, folder, split, name));
    return name;
  };
  for (const [split, members] of splitEmoji(emoji))
    for (const one of members) {
      if (split === "train") {
        names.push(await place("emoji", split, labelled, one));
        await place("emoji", split, other, one);
      } else await place("emoji", split, labelled, one);
      await place("other-style", split, split === "test" ? other : labelled, one);
    }
  await writeFile(join(root, "labels.txt"), `${names.join("\n")}\n`);
}

/** The emoji that both styles have and that stand for themselves. */
export function baseEmoji<E extends Emoji>(all: readonly E[]): E[] {
  return all.filter(
    ({ category, obsoleted_by, has_img_google, has_img_twitter }) =>
      category !== "Component" && obsoleted_by === undefined && has_img_google && has_img_twitter,
  );
}

/** Leaves out what looks, to the byte, like an emoji before it in either style, such as the flags of France's territories. */
async function withoutCopies(emoji: readonly Emoji[], file: (style: Style, one: Emoji) => string): Promise<Emoji[]> {
  const seen = new Set<string>();
  const kept: Emoji[] = [];
  for (const one of emoji) {
    const hashes = await Promise.all(
      [labelled, other].map(async (style) => `${style} ${sha256(await readFile(file(style, one)))}`),
    );
    if (hashes.some((hash) => seen.has(hash))) continue;
    for (const hash of hashes) seen.add(hash);
    kept.push(one);
  }
  return kept;
}

/** Each class divided into test, validation and train, in the order of the SHA-256 of the code points. */
export function splitEmoji<E extends Pick<Emoji, "unified" | "category">>(emoji: readonly E[]): Map<string, E[]> {
  const splits = new Map<string, E[]>([
    ["train", []],
    ["validation", []],
    ["test", []],
  ]);
  for (const category of [...new Set(emoji.map((one) => one.category))].sort()) {
    const members = emoji.filter((one) => one.category === category);
    members.sort((a, b) => (sha256(a.unified) < sha256(b.unified) ? -1 : 1));
    const test = Math.round(members.length * SHARES.test);
    const validation = Math.round(members.length * SHARES.validation);
    splits.get("test")?.push(...members.slice(0, test));
    splits.get("validation")?.push(...members.slice(test, test + validation));
    splits.get("train")?.push(...members.slice(test + validation));
  }
  return splits;
}

/** `Smileys & Emotion` as the name of a folder: `smileys-emotion`. */
function slug(category: string): string {
  return category.toLowerCase().replaceAll(/[^a-z]+/g, "-");
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

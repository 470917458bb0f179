import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reproducibilityCard } from "@peco/report";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { reproduceDocument } from "../src/commands/reproduce.ts";
import { runExperiment } from "../src/run/command.ts";
import { Display } from "../src/run/display.ts";
import { experiment } from "../src/run/experiment.ts";
import type { runDocument } from "../src/run/run-answer.ts";
import { peco, start } from "./peco.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-reproduce-"));
const pictures = join(folder, "pictures");
const store = join(folder, "store");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Twelve pictures of a colour in each of two classes. */
async function paint(): Promise<void> {
  for (const [name, hue] of [
    ["red", 0],
    ["blue", 200],
  ] as const) {
    mkdirSync(join(pictures, name), { recursive: true });
    for (let i = 0; i < 12; i++) {
      const background = { r: 255 - hue, g: 10 * i, b: hue };
      const picture = sharp({ create: { width: 40, height: 36, channels: 3, background } });
      await picture.png().toFile(join(pictures, name, `${i}.png`));
    }
  }
}

type RunDocument = z.infer<typeof runDocument>;
const words = (card: string, ...more: string[]) => ["reproduce", card, "--json", ...more];
const errorOf = (stdout: string) => (JSON.parse(stdout) as { error: { name: string; message: string } }).error;

describe("peco reproduce", () => {
  let card: string;
  beforeAll(async () => {
    await paint();
    const small = ["perceptualNetwork.batch=8", "perceptualNetwork.steps=3"].flatMap((set) => ["--set", set]);
    const run = ["run", "--recipe", "tiny", "--data", pictures, "--until", "perceptual-network", ...small];
    const { code, stderr } = await peco([...run, "--store", store]);
    expect(code, stderr).toBe(0);
    const runs = join(store, "runs");
    card = join(runs, readdirSync(runs)[0] as string, "card.json");
  }, 120_000);

  it("repeats a run in a store of its own, says that it is identical, and repeats nothing there again", {
    timeout: 120_000,
  }, async () => {
    const parsed = reproducibilityCard.parse(JSON.parse(readFileSync(card, "utf8")));
    expect(parsed.data.source).toBe(pictures);
    expect(parsed.hardware["devices"]).toContain("CPU:0");
    expect(parsed.inputs?.folder).toMatch(/^[0-9a-f]{64}$/);
    const again = join(folder, "again");
    const { code, stdout, stderr } = await peco(words(card, "--other-revision", "--store", again));
    expect(code, stderr).toBe(0);
    const found = reproduceDocument.parse(JSON.parse(stdout));
    expect(found).toMatchObject({ verdict: "identical", firstDifference: null, store: again, ran: 2, resumed: 0 });
    expect(found.checked).toEqual([`pictures: the same names and contents, ${pictures}`]);
    expect(found.stages.map(({ stage }) => stage)).toEqual(["data", "perceptual-network"]);
    for (const [path, why] of [
      [again, "has been repeated in it already"],
      [store, "has results that this repetition did not make"],
    ] as const) {
      const refused = await peco(words(card, "--other-revision", "--store", path));
      expect(refused.code).toBe(73);
      expect(errorOf(refused.stdout)).toMatchObject({ name: "StoreHasResults", message: expect.stringContaining(why) });
    }
  });

  it("goes on with an interrupted repetition, and says so", { timeout: 120_000 }, async () => {
    const again = join(folder, "interrupted");
    const { child, ended } = start(words(card, "--other-revision", "--store", again));
    const stop = (bytes: Buffer) => {
      if (!bytes.toString().includes("perceptual-network")) return;
      child.stderr?.off("data", stop);
      child.kill("SIGINT");
    };
    child.stderr?.on("data", stop);
    expect((await ended).code).toBe(130);
    const { code, stdout, stderr } = await peco(words(card, "--other-revision", "--store", again));
    expect(code, stderr).toBe(0);
    expect(reproduceDocument.parse(JSON.parse(stdout))).toMatchObject({ verdict: "identical", ran: 1, resumed: 1 });
  });

  it("takes what the run was given from the card's store, and repeats that no more than the run did", {
    timeout: 120_000,
  }, async () => {
    const from = join(folder, "given");
    const set = ["perceptualNetwork.source=untrained", "codebook.batch=8", "codebook.steps=3"];
    const untilNetwork = { recipe: "tiny", data: pictures, store: from, set, until: "perceptual-network" };
    const display = new Display();
    const { document } = await runExperiment(await experiment(untilNetwork), display);
    const made = (document as RunDocument).stages.find(({ name }) => name === "perceptual-network");
    const what = await experiment({ ...untilNetwork, until: "codebook" });
    const stagesOf: typeof what.stagesOf = (recipe) =>
      what.stagesOf(recipe).filter(({ name }) => name !== "perceptual-network");
    const given = new Map([["perceptual-network", made?.artifact ?? ""]]);
    const { document: run } = await runExperiment(
      { ...what, stages: stagesOf(what.loaded.recipe), stagesOf, given },
      display,
    );
    const itsCard = join(from, "runs", (run as RunDocument).run, "card.json");
    const { code, stdout, stderr } = await peco(words(itsCard, "--other-revision", "--store", join(folder, "given-2")));
    expect(code, stderr).toBe(0);
    const found = reproduceDocument.parse(JSON.parse(stdout));
    expect(found).toMatchObject({ verdict: "identical", ran: 2, resumed: 0 });
    expect(found.stages.map(({ stage }) => stage)).toEqual(["data", "codebook"]);
    const elsewhere = join(folder, "given.json");
    writeFileSync(elsewhere, readFileSync(itsCard));
    const refused = await peco(words(elsewhere, "--other-revision", "--check"));
    expect(refused.code).toBe(65);
    expect(errorOf(refused.stdout)).toMatchObject({ name: "GivenMissing" });
  });

  it("refuses other pictures before anything is trained", { timeout: 60_000 }, async () => {
    const other = join(folder, "other");
    mkdirSync(join(other, "red"), { recursive: true });
    mkdirSync(join(other, "blue"), { recursive: true });
    for (const name of ["red", "blue"])
      for (let i = 0; i < 12; i++)
        writeFileSync(join(other, name, `${i}.png`), readFileSync(join(pictures, name, `${(i * 5) % 12}.png`)));
    writeFileSync(join(other, "red", "0.png"), readFileSync(join(pictures, "blue", "7.png")));
    const options = ["--other-revision", "--store", join(folder, "refused"), "--data"];
    for (const more of [[], ["--check"]]) {
      const { code, stdout } = await peco(words(card, ...options, other, ...more));
      expect(code).toBe(65);
      expect(errorOf(stdout)).toMatchObject({ name: "OtherPictures" });
    }
    const missing = await peco(words(card, ...options, join(folder, "none"), "--check"));
    expect(missing.code).toBe(65);
    expect(existsSync(join(folder, "refused"))).toBe(false);
  });

  it("refuses a card of another code revision, and what is no card", async () => {
    const parsed = JSON.parse(readFileSync(card, "utf8")) as { code: object };
    const file = join(folder, "other.json");
    writeFileSync(
      file,
      JSON.stringify({ ...parsed, code: { ...parsed.code, changed: false, revision: "0".repeat(40) } }),
    );
    const { code, stdout } = await peco(words(file, "--check"));
    expect(code).toBe(76);
    expect(errorOf(stdout).message).toContain(`the card is of revision ${"0".repeat(40)}, and this is `);
    writeFileSync(file, "{}");
    const empty = await peco(words(file));
    expect(empty.code).toBe(76);
    expect(errorOf(empty.stdout)).toMatchObject({ name: "CardUnreadable" });
  });

  it("says with --check what differs here, and runs nothing", async () => {
    const { code, stdout } = await peco(words(card, "--other-revision", "--check"));
    expect(code).toBe(0);
    expect(reproduceDocument.parse(JSON.parse(stdout))).toMatchObject({
      ...{ again: null, verdict: null, remarks: [], ran: 0 },
      checked: [`pictures: the same names and contents, ${pictures}`],
    });
    const parsed = JSON.parse(readFileSync(card, "utf8")) as { software: object };
    const older = join(folder, "older.json");
    writeFileSync(older, JSON.stringify({ ...parsed, software: { ...parsed.software, tensorflow: "2.1.0" } }));
    const other = await peco(words(older, "--other-revision", "--check"));
    expect(reproduceDocument.parse(JSON.parse(other.stdout)).remarks).toEqual([
      expect.stringMatching(/^tensorflow is 2\.\d+\.\d+ here and was 2\.1\.0$/),
    ]);
  });
});

import { writeFileSync } from "node:fs";
import { digestOf, ObjectMissing } from "@peco/artifacts";
import { describe, expect, it } from "vitest";
import { exampleStore } from "../../test/example-store.ts";
import {
  artifactsLineageCommand,
  artifactsLineageDocument,
  artifactsLsCommand,
  artifactsLsDocument,
  artifactsShowCommand,
  artifactsShowDocument,
  artifactsVerifyCommand,
  artifactsVerifyDocument,
} from "./artifacts.ts";

describe("artifacts ls", () => {
  it("lists what stages have made, and names a damaged one", async () => {
    const { store, folder, data, model, other } = await exampleStore();
    writeFileSync(store.backend.locate(`manifests/${other.artifact}.json`), "{}");
    const { document, text } = await artifactsLsCommand({ store: folder });
    const { artifacts, damaged } = artifactsLsDocument.parse(document);
    expect(artifacts.map(({ artifact, kind, bytes, stages }) => [artifact, kind, bytes, stages])).toEqual([
      [data.artifact, "data", 8, ["data"]],
      [model.artifact, "tokenizer", 20, ["codebook"]],
    ]);
    expect(damaged).toMatchObject([{ artifact: other.artifact }]);
    expect(text).toMatch(new RegExp(`${model.artifact.slice(0, 12)} +tokenizer +20 B .* codebook`));
    expect(text).toContain(`${other.artifact.slice(0, 12)} cannot be read: `);
  });

  it("tells what a rehearsal made from the real thing", async () => {
    const { store, folder, model } = await exampleStore();
    const parts = { stage: "codebook", preflight: true };
    await store.finish(digestOf(parts), {
      stage: "codebook",
      parts,
      artifact: model.artifact,
      metrics: {},
      record: {},
    });
    const { artifacts } = artifactsLsDocument.parse((await artifactsLsCommand({ store: folder })).document);
    const { stages } = artifacts.find(({ artifact }) => artifact === model.artifact) ?? {};
    expect(stages?.sort()).toEqual(["codebook", "codebook (rehearsal)"]);
  });
});

describe("artifacts show", () => {
  it("shows blobs with paths, inputs, users, runs and who made it, by the first letters of the digest", async () => {
    const { store, folder, data, model, other, done, failed } = await exampleStore();
    const { document, text } = await artifactsShowCommand({ store: folder, artifact: data.artifact.slice(0, 10) });
    const shown = artifactsShowDocument.parse(document);
    expect(shown.blobs["weights.safetensors"]?.path).toBe(
      store.blobPath(shown.blobs["weights.safetensors"]?.digest as string),
    );
    expect(shown).toMatchObject({ artifact: data.artifact, kind: "data", inputs: {}, meta: { steps: 10 } });
    expect([...shown.usedBy].sort()).toEqual([model.artifact, other.artifact].sort());
    expect([...shown.runs].sort()).toEqual([done, failed].sort());
    expect(shown.results).toMatchObject([{ stage: "data", key: data.key, record: { seconds: 3.25 } }]);
    expect(text).toContain("data in 3.25 s");
  });

  it("says what is wrong with a digest that is none, or begins several", async () => {
    const { folder, data, model, other } = await exampleStore();
    const show = (artifact: string) => artifactsShowCommand({ store: folder, artifact });
    await expect(show("z")).rejects.toThrow('there is no artifact "z"');
    await expect(show("")).rejects.toThrow(ObjectMissing);
    const typo = `${data.artifact.slice(0, 7)}${data.artifact[7] === "0" ? "1" : "0"}`;
    await expect(show(typo)).rejects.toThrow(`did you mean ${data.artifact.slice(0, 8)}?`);
    const all = [data, model, other].map(({ artifact }) => artifact);
    const shared = all.map((digest) => digest[0]).find((letter, i, letters) => letters.indexOf(letter) !== i);
    if (shared !== undefined) await expect(show(shared)).rejects.toThrow(/begins [23] artifacts/);
  });
});

describe("artifacts lineage", () => {
  it("shows what an artifact was made from", async () => {
    const { folder, data, model } = await exampleStore();
    const { document, text } = await artifactsLineageCommand({ store: folder, artifact: model.artifact });
    expect(artifactsLineageDocument.parse(document).lineage.map(({ artifact }) => artifact)).toEqual([
      data.artifact,
      model.artifact,
    ]);
    expect(text).toBe(`tokenizer ${model.artifact.slice(0, 12)}\n  data: data ${data.artifact.slice(0, 12)}`);
  });
});

describe("artifacts verify", () => {
  it("finds a whole store whole, and ends with 76 when a bit changed", async () => {
    const { store, folder, model } = await exampleStore();
    const whole = await artifactsVerifyCommand({ store: folder });
    expect(artifactsVerifyDocument.parse(whole.document)).toMatchObject({ whole: true, damage: [] });
    expect(whole).toMatchObject({ exitCode: 0, text: expect.stringContaining("all whole") });

    const { blobs } = await store.manifest(model.artifact);
    const path = store.blobPath(blobs["weights.safetensors"]?.digest as string);
    writeFileSync(path, "WEIGHTS OF THE FIRST");
    const one = await artifactsVerifyCommand({ store: folder, artifact: model.artifact.slice(0, 8) });
    expect(one).toMatchObject({ exitCode: 76, document: { whole: false, damage: [{ path, removed: false }] } });
    expect(one.text).toContain("--remove");
    await artifactsVerifyCommand({ store: folder, remove: true });
    expect(await store.result(model.key)).toEqual({ state: "absent" });
  });
});

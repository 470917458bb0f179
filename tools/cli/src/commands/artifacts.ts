import { type Artifact, type StageResult, type Store, verify } from "@peco/artifacts";
import { z } from "zod";
import { openStore, resolveArtifact } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { bytes, figure, moment, pairs, table } from "../table.ts";

const digest = z.string().describe("SHA-256 in hexadecimal");

/** The document of `peco artifacts ls --json`, oldest first. */
export const artifactsLsDocument = z.object({
  store: z.string(),
  artifacts: z.array(
    z.object({
      artifact: digest,
      kind: z.string(),
      bytes: z.number().describe("of its blobs, which other artifacts may share"),
      created: z.iso.datetime(),
      stages: z.array(z.string()).describe("the stages that gave it"),
    }),
  ),
  damaged: z
    .array(z.object({ artifact: digest, problem: z.string() }))
    .describe("artifacts whose manifest cannot be read"),
});

/** The document of `peco artifacts show --json`. */
export const artifactsShowDocument = z.object({
  artifact: digest,
  kind: z.string(),
  blobs: z.record(z.string(), z.object({ digest, bytes: z.number(), path: z.string() })),
  inputs: z.record(z.string(), digest).describe("what it was made from"),
  meta: z.record(z.string(), z.json()),
  results: z
    .array(
      z.object({
        stage: z.string(),
        key: digest,
        metrics: z.record(z.string(), z.json()),
        record: z.record(z.string(), z.json()),
      }),
    )
    .describe("the stages that gave it, with time and place"),
  usedBy: z.array(digest).describe("artifacts made from it"),
  runs: z.array(z.string()).describe("runs that made it or found it"),
});

/** The document of `peco artifacts lineage --json`. */
export const artifactsLineageDocument = z.object({
  artifact: digest,
  lineage: z
    .array(z.object({ artifact: digest, kind: z.string(), inputs: z.record(z.string(), digest) }))
    .describe("the artifact and all it was made from, each once, what is used before what uses it"),
});

/** The document of `peco artifacts verify --json`. */
export const artifactsVerifyDocument = z.object({
  whole: z.boolean(),
  objects: z.int(),
  bytes: z.number(),
  damage: z.array(z.object({ path: z.string(), problem: z.string(), removed: z.boolean() })),
});

interface Options {
  readonly store?: string;
  readonly json?: boolean;
}

/** Lists the artifacts of a store, oldest first. */
export async function artifactsLsCommand(options: Options): Promise<Answer> {
  const store = await openStore(options.store);
  const results = await store.results();
  const document: z.infer<typeof artifactsLsDocument> = { store: store.backend.locate(""), artifacts: [], damaged: [] };
  for (const { name, modifiedMs } of await store.backend.list("manifests")) {
    const artifact = name.slice("manifests/".length, -".json".length);
    try {
      const { kind, blobs } = await store.manifest(artifact);
      const size = Object.values(blobs).reduce((sum, blob) => sum + blob.bytes, 0);
      const stages = results.filter((result) => result.artifact === artifact).map(nameOf);
      document.artifacts.push({ artifact, kind, bytes: size, created: new Date(modifiedMs).toISOString(), stages });
    } catch (error) {
      document.damaged.push({ artifact, problem: (error as Error).message });
    }
  }
  document.artifacts.sort((a, b) => a.created.localeCompare(b.created));
  return { document, text: lsText(document) };
}

function lsText({ artifacts, damaged, store }: z.infer<typeof artifactsLsDocument>): string {
  if (artifacts.length + damaged.length === 0) return `no artifacts in ${store} yet; ./peco run makes some`;
  const rows = artifacts.map((each) => [
    each.artifact.slice(0, 12),
    each.kind,
    { right: bytes(each.bytes) },
    moment(each.created),
    each.stages.join(", "),
  ]);
  const lines = damaged.map(({ artifact, problem }) => `${artifact.slice(0, 12)} cannot be read: ${problem}`);
  return [table(["artifact", "kind", "size", "made", "by"], rows), ...lines].join("\n");
}

/** Shows one artifact: its blobs with their paths, what it was made of and what was made of it. */
export async function artifactsShowCommand(options: Options & { artifact: string }): Promise<Answer> {
  const store = await openStore(options.store);
  const artifact = await resolveArtifact(store, options.artifact);
  const { kind, blobs, inputs, meta } = await store.manifest(artifact);
  const results = (await store.results()).filter((result) => result.artifact === artifact);
  const document: z.infer<typeof artifactsShowDocument> = {
    artifact,
    kind,
    blobs: Object.fromEntries(
      Object.entries(blobs).map(([name, blob]) => [name, { ...blob, path: store.blobPath(blob.digest) }]),
    ),
    inputs,
    meta,
    results: results.map(({ key, metrics, record, ...result }) => ({ stage: nameOf(result), key, metrics, record })),
    usedBy: await usersOf(store, artifact),
    runs: await runsOf(store, artifact),
  };
  return { document, text: showText(document) };
}

function showText(document: z.infer<typeof artifactsShowDocument>): string {
  const head = pairs([
    ["artifact", document.artifact],
    ["kind", document.kind],
    ...Object.entries(document.inputs).map(([name, input]) => [`from ${name}`, input.slice(0, 12)] as const),
    ["used by", document.usedBy.map((user) => user.slice(0, 12)).join(", ") || "nothing"],
    ["runs", document.runs.join(", ") || "none"],
    ...document.results.map(
      ({ stage, record }) =>
        [
          "made by",
          `${stage}${typeof record["seconds"] === "number" ? ` in ${figure(record["seconds"])} s` : ""}`,
        ] as const,
    ),
  ]);
  const blobs = table(
    ["blob", "size", "path"],
    Object.entries(document.blobs).map(([name, blob]) => [name, { right: bytes(blob.bytes) }, blob.path]),
  );
  return [head, "", blobs, "", JSON.stringify(document.meta, null, 2)].join("\n");
}

/** A result's stage; before real training each has a rehearsal of one step. */
function nameOf({ stage, parts }: Pick<StageResult, "stage" | "parts">): string {
  return parts["preflight"] === true ? `${stage} (rehearsal)` : stage;
}

async function usersOf(store: Store, artifact: string): Promise<string[]> {
  const users: string[] = [];
  for (const other of await store.artifacts()) {
    const manifest = await store.manifest(other).catch(() => null);
    if (manifest !== null && Object.values(manifest.inputs).includes(artifact)) users.push(other);
  }
  return users;
}

async function runsOf(store: Store, artifact: string): Promise<string[]> {
  const runs: string[] = [];
  for (const id of await store.runs.list()) {
    const record = await store.runs.read(id).catch(() => null);
    if (record?.stages.some((stage) => stage.artifact === artifact)) runs.push(id);
  }
  return runs;
}

/** Shows what an artifact was made from, back to the pictures. */
export async function artifactsLineageCommand(options: Options & { artifact: string }): Promise<Answer> {
  const store = await openStore(options.store);
  const artifact = await resolveArtifact(store, options.artifact);
  const found = await store.lineage(artifact);
  const document: z.infer<typeof artifactsLineageDocument> = {
    artifact,
    lineage: found.map(({ digest: each, manifest: { kind, inputs } }) => ({ artifact: each, kind, inputs })),
  };
  return { document, text: tree(found, artifact) };
}

/** The lineage as a tree; what was shown before is not followed again. */
function tree(found: readonly Artifact[], root: string): string {
  const manifests = new Map(found.map(({ digest: each, manifest }) => [each, manifest]));
  const shown = new Set<string>();
  const lines: string[] = [];
  const visit = (at: string, name: string, indent: string): void => {
    const manifest = manifests.get(at);
    const inputs = Object.entries(manifest?.inputs ?? {});
    const again = shown.has(at) && inputs.length > 0;
    shown.add(at);
    lines.push(
      `${indent}${name === "" ? "" : `${name}: `}${manifest?.kind} ${at.slice(0, 12)}${again ? " (see above)" : ""}`,
    );
    if (!again) for (const [input, from] of inputs) visit(from, input, `${indent}  `);
  };
  visit(root, "", "");
  return lines.join("\n");
}

/** Reads artifacts back and checks every byte against its hash: one with its lineage, or the whole store. */
export async function artifactsVerifyCommand(
  options: Options & { artifact?: string; remove?: boolean },
): Promise<Answer> {
  const store = await openStore(options.store);
  const what = options.artifact === undefined ? "all" : await resolveArtifact(store, options.artifact);
  const { objects, bytes: read, damage } = await verify(store, what, { remove: options.remove ?? false });
  const whole = damage.length === 0;
  const document: z.infer<typeof artifactsVerifyDocument> = { whole, objects, bytes: read, damage: [...damage] };
  const lines = damage.map(({ path, problem, removed }) => `${path}: ${problem}${removed ? "; removed" : ""}`);
  const sum = `${objects} objects, ${bytes(read)} read: ${whole ? "all whole" : `${damage.length} damaged or missing`}`;
  const next = whole
    ? []
    : [
        options.remove
          ? "What was removed is made anew by the next run."
          : "--remove takes damaged files away; the next run makes them anew.",
      ];
  return { document, text: [...lines, sum, ...next].join("\n"), exitCode: whole ? 0 : 76 };
}

import type { Store } from "@peco/artifacts";
import type { HostUint8 } from "@peco/data";
import { mean, type TwoAlternatives, twoAlternatives } from "@peco/metrics";
import {
  type Distance,
  distancesOf,
  loadPerceptualNetwork,
  loadTokenizer,
  type PerceptualNetwork,
  type Tokenizer,
  WrongArtifact,
} from "@peco/training";
import { z } from "zod";
import { findJudgedSets, type JudgedSet, PATCH, readTriple } from "../evaluate/judged-triples.ts";
import { openStore, resolveArtifact } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { Display } from "../run/display.ts";
import { type Cell, table } from "../table.ts";

const agreement = z.object({
  distance: z.enum(["tokens", "pixels", "features"]),
  score: z.number().describe("mean share of the judges that the distance agrees with; a tie counts a half"),
  ties: z.number().describe("share of triples in which both alternatives are equally far"),
});

/** The document of `peco evaluate bapps --json`. */
export const evaluateBappsDocument = z.object({
  artifact: z.string(),
  sets: z.array(z.object({ name: z.string(), triples: z.int(), agreement: z.array(agreement) })),
  mean: z.array(agreement).describe("over the sets, each counted alike"),
});
type Document = z.infer<typeof evaluateBappsDocument>;

/** The words of `peco evaluate bapps`, as typed. */
export interface BappsOptions {
  readonly artifact: string;
  readonly data: string;
  readonly batch: number;
  readonly store?: string;
  readonly json?: boolean;
}

/**
 * How well distances agree with people's judgement of what looks alike: two-alternative forced choice as LPIPS scores it, by tokens,
 * pixels, and features of the perceptual network that the tokenizer was trained with.
 */
export async function evaluateBappsCommand(options: BappsOptions): Promise<Answer> {
  const sets = await findJudgedSets(options.data);
  const store = await openStore(options.store);
  const artifact = await resolveArtifact(store, options.artifact);
  await using networks = new AsyncDisposableStack();
  const { tokenizer, perceptual } = await loadJudges(store, artifact);
  for (const network of [tokenizer, perceptual]) if (network !== null) networks.use(network);
  const distances = distancesOf({ compiler: "graph" }, { tokenizer, perceptual });
  for (const distance of distances) networks.use(distance);
  const display = new Display();
  const document: Document = { artifact, sets: [], mean: [] };
  for (const set of sets) {
    const found = await judge(set, distances, options.batch);
    document.sets.push({ name: set.name, triples: set.triples.length, agreement: found });
    display.line(`${set.name}: ${set.triples.length} triples`);
  }
  const over = (name: Distance["name"], figure: keyof TwoAlternatives) =>
    mean(
      document.sets.flatMap((set) => set.agreement.filter((one) => one.distance === name).map((one) => one[figure])),
    );
  document.mean = distances.map(({ name }) => ({
    distance: name,
    score: over(name, "score"),
    ties: over(name, "ties"),
  }));
  return { document, text: options.json === true ? "" : bappsText(document) };
}

/** A tokenizer with the perceptual network that it was trained with, if there was one; or a perceptual network alone. */
async function loadJudges(
  store: Store,
  artifact: string,
): Promise<{ tokenizer: Tokenizer | null; perceptual: PerceptualNetwork | null }> {
  const { kind, inputs } = await store.manifest(artifact);
  if (kind === "perceptual-network")
    return { tokenizer: null, perceptual: await loadPerceptualNetwork(store, artifact) };
  if (kind !== "tokenizer") throw new WrongArtifact(artifact, kind, ["tokenizer", "perceptual-network"]);
  const tokenizer = await loadTokenizer(store, artifact);
  const network = inputs["perceptualNetwork"];
  return { tokenizer, perceptual: network === undefined ? null : await loadPerceptualNetwork(store, network) };
}

async function judge(
  set: JudgedSet,
  distances: readonly Distance[],
  batch: number,
): Promise<Document["sets"][number]["agreement"]> {
  const judgements: number[] = [];
  const found = distances.map(() => ({ p0: [] as number[], p1: [] as number[] }));
  for (let first = 0; first < set.triples.length; first += batch) {
    const triples = await Promise.all(set.triples.slice(first, first + batch).map((stem) => readTriple(set, stem)));
    judgements.push(...triples.map((triple) => triple.judge));
    const [ref, p0, p1] = (["ref", "p0", "p1"] as const).map((part) =>
      batchOf(
        triples.map((one) => one[part]),
        batch,
      ),
    );
    for (const [i, distance] of distances.entries()) {
      const own = found[i] as (typeof found)[number];
      for (const [name, other] of [
        ["p0", p0],
        ["p1", p1],
      ] as const) {
        const measured = await distance.between(ref as HostUint8, other as HostUint8);
        own[name].push(...measured.subarray(0, triples.length));
      }
    }
  }
  return distances.map(({ name }, i) => {
    const { p0, p1 } = found[i] as (typeof found)[number];
    return { distance: name, ...twoAlternatives(p0, p1, judgements) };
  });
}

/** Pictures as one batch, filled up with black ones so that one program serves all. */
function batchOf(pictures: readonly Uint8Array[], batch: number): HostUint8 {
  const data = new Uint8Array(batch * PATCH * PATCH * 3);
  for (const [i, picture] of pictures.entries()) data.set(picture, i * picture.length);
  return { dtype: "uint8", shape: [batch, PATCH, PATCH, 3], data };
}

function bappsText({ sets, mean: average }: Document): string {
  const percent = (value: number): Cell => ({ right: `${(100 * value).toFixed(1)} %` });
  const cells = (found: Document["mean"]) => found.flatMap(({ score, ties }) => [percent(score), percent(ties)]);
  return table(
    ["set", "triples", ...average.flatMap(({ distance }) => [distance, "ties"])],
    [
      ...sets.map(({ name, triples, agreement: found }): Cell[] => [name, { right: String(triples) }, ...cells(found)]),
      ["mean of the sets", "", ...cells(average)],
    ],
  );
}

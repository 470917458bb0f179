import type { Store } from "@peco/artifacts";
import { describeDifference, type Recipe, type Stage } from "@peco/recipes";
import { type Outcome, type StageEvent, type StageSpec, superviseStage } from "@peco/stage";
import { awaitOrphan } from "./await-orphan.ts";
import { clock, type Display } from "./display.ts";
import type { Experiment } from "./experiment.ts";
import { preflightRecipe } from "./preflight.ts";
import type { RunLog } from "./run-log.ts";
import type { Services } from "./services.ts";
import { specOf } from "./stage-spec.ts";

/** What the stages of a run are carried out with. */
export interface Pipeline {
  readonly store: Store;
  readonly experiment: Experiment;
  readonly log: RunLog;
  readonly services: Services;
  readonly display: Display;
  readonly signal: AbortSignal;
}

/**
 * Carries out the stages of all seeds, each after its inputs. What is finished in the store is not run again. Before
 * the first real training, a rehearsal of one step a stage brings up what would otherwise fail late.
 *
 * @param options.rehearse false: what would be rehearsed has been. @default true
 * @param options.keepServices leaves services running for whoever carries out the next experiment. @default false
 */
export async function carryOut(
  pipeline: Pipeline,
  { rehearse: rehearses = true, keepServices = false }: { rehearse?: boolean; keepServices?: boolean } = {},
): Promise<void> {
  const { experiment } = pipeline;
  let rehearsed = !rehearses;
  for (const seed of experiment.seeds) {
    if (experiment.seeds.length > 1) pipeline.display.line(`seed ${seed}`);
    const artifacts = new Map(experiment.given);
    for (const stage of experiment.stages) {
      const spec = specFor(pipeline, stage, artifacts, seed, experiment.loaded.recipe, false);
      let outcome = await finished(pipeline.store, spec);
      if (outcome === null) {
        if (stage.runtime !== null && !rehearsed) {
          rehearsed = true;
          await rehearse(pipeline, artifacts, seed);
        }
        await pipeline.log.running(stage.name, seed, spec.key);
        outcome = await timed(() => runStage(pipeline, stage, spec, seed));
      }
      await pipeline.log.finished(stage.name, seed, spec.key, outcome);
      artifacts.set(stage.name, outcome.artifact);
      pipeline.display.line(finishedLine(stage, outcome));
      if (!keepServices) await closeUnneeded(pipeline, stage, seed);
    }
  }
}

/** The outcome with the seconds that passed here: a service that was killed on the way knows only its last life. */
async function timed(work: () => Promise<Outcome>): Promise<Outcome> {
  const started = performance.now();
  const outcome = await work();
  return outcome.cached ? outcome : { ...outcome, seconds: Math.round(performance.now() - started) / 1000 };
}

/** One step, one checkpoint and one picture of every stage that trains, on the real pictures. */
async function rehearse(pipeline: Pipeline, real: ReadonlyMap<string, string>, seed: bigint): Promise<void> {
  const { experiment, display } = pipeline;
  const recipe = preflightRecipe(experiment.loaded.recipe);
  const data = real.get("data");
  const artifacts = new Map(experiment.given);
  if (data !== undefined) artifacts.set("data", data);
  const started = performance.now();
  for (const stage of experiment.stagesOf(recipe).filter(({ runtime }) => runtime !== null)) {
    const spec = specFor(pipeline, stage, artifacts, seed, recipe, true);
    const outcome =
      (await finished(pipeline.store, spec)) ??
      (await runStage({ ...pipeline, display: display.quiet() }, stage, spec, null));
    artifacts.set(stage.name, outcome.artifact);
  }
  display.line(
    `rehearsal             one step of each stage went well (${Math.round((performance.now() - started) / 100) / 10} s)`,
  );
}

function specFor(
  { experiment, log }: Pipeline,
  stage: Stage,
  artifacts: ReadonlyMap<string, string>,
  seed: bigint,
  recipe: Recipe,
  preflight: boolean,
): StageSpec {
  const inputs = Object.fromEntries(
    Object.entries(stage.inputs).map(([name, from]) => [name, artifacts.get(from) ?? ""]),
  );
  const { folder, data } = experiment;
  return specOf(stage, inputs, {
    recipe,
    store: experiment.store,
    run: log.id,
    seed,
    folder: folder === null || data === null ? null : { path: data, digest: folder.digest },
    weights: experiment.weights,
    preflight,
  });
}

/** The finished result under a key, if the store has a whole one. */
async function finished(store: Store, { key }: StageSpec): Promise<Outcome | null> {
  const found = await store.result(key);
  if (found.state !== "hit") return null;
  const { artifact, metrics, record } = found.result;
  return { artifact, metrics, cached: true, seconds: typeof record["seconds"] === "number" ? record["seconds"] : 0 };
}

/** Has the stage's service run it. A seed of null: a rehearsal, of which nothing is recorded. */
async function runStage(pipeline: Pipeline, stage: Stage, spec: StageSpec, seed: bigint | null): Promise<Outcome> {
  const { store, services, display, log, signal } = pipeline;
  await awaitOrphan(store, spec.key, signal, (text) => display.line(text));
  const service = await services.get(stage.service);
  // Masked batches come from the masking service, as they do in a cluster.
  const masking = stage.name === "pretrain" ? await services.get("masking") : null;
  return superviseStage(
    masking === null ? spec : { ...spec, masking: { address: masking.address, token: masking.token } },
    {
      service,
      alongside: masking === null ? [] : [masking],
      signal,
      onEvent: (event) => {
        if (seed !== null) log.event(stage.name, seed, event);
        show(display, stage.name, event);
      },
    },
  );
}

function show(display: Display, stage: string, event: StageEvent): void {
  if (event.kind === "step") display.progress({ stage, ...event });
  if (event.kind === "note") display.line(`${stage}: ${event.text}`);
  if (event.kind === "cache" && !event.hit) display.line(`${stage.padEnd(22)}runs: ${whyItRuns(event)}`);
}

function whyItRuns({ problem, differed }: Extract<StageEvent, { kind: "cache" }>): string {
  if (problem !== "") return problem;
  if (differed.length === 0) return "nothing like it is finished in this store";
  const more = differed.length > 3 ? `; and ${differed.length - 3} more` : "";
  return `unlike the nearest finished one, ${differed.slice(0, 3).map(describeDifference).join("; ")}${more}`;
}

function finishedLine({ name }: Stage, { cached, seconds, artifact }: Outcome): string {
  return `${name.padEnd(22)}${cached ? "found finished" : `done in ${clock(seconds)}`}  ${artifact.slice(0, 12)}`;
}

/** A TensorFlow process holds hundreds of megabytes: it ends when no later stage of this run needs it. */
async function closeUnneeded({ experiment, services }: Pipeline, stage: Stage, seed: bigint): Promise<void> {
  const rest = experiment.stages.slice(experiment.stages.indexOf(stage) + 1);
  const lastSeed = experiment.seeds.at(-1) === seed;
  const needed = lastSeed ? rest : experiment.stages;
  const batches = needed.some(({ name }) => name === "pretrain");
  if (needed.some(({ service }) => service === stage.service)) return;
  if (stage.service === "masking" && batches) return;
  await services.close(stage.service);
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { key, stream } from "@peco/random";
import { afterAll, expect, it } from "vitest";
import { children, type Ended, peco, processes, start } from "./peco.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-kill-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whom a kill meets: the command line itself, the service that trains, or the one that serves batches. */
const victims = ["command", "stage", "masking"] as const;
const kills = 20;

function run(store: string): string[] {
  // An interval shorter than a life, so that each life gets further; it changes no result and no key.
  return ["run", "--recipe", "tiny", "--store", store, "--set", "runtime.checkpointSeconds=0.5", "--json"];
}

function artifacts({ stdout, stderr, code }: Ended): Record<string, string> {
  expect(code, stderr).toBe(0);
  const document = JSON.parse(stdout) as { stages: { name: string; artifact: string }[] };
  return Object.fromEntries(document.stages.map(({ name, artifact }) => [name, artifact]));
}

it(`gives the same artifacts after ${kills} kills as without`, { timeout: 900_000 }, async () => {
  const whole = artifacts(await peco(run(join(folder, "whole"))));
  const draws = stream(key(20261124n));
  const met = { command: 0, stage: 0, masking: 0 };
  const total = () => met.command + met.stage + met.masking;
  // a run that gets to its end between two kills is followed by a new one
  for (let n = 0; total() < kills; n++) {
    const store = join(folder, `killed-${n}`);
    let running = start(run(store));
    while (total() < kills && running.child.exitCode === null) {
      await sleep(draws.uniform(200, 3000));
      const victim = victims[draws.integer(0, 2)] ?? "command";
      const pid = victim === "command" ? running.child.pid : serviceOf(running.child.pid ?? 0, victim);
      if (pid === undefined || running.child.exitCode !== null) continue;
      process.kill(pid, "SIGKILL");
      met[victim]++;
      if (victim !== "command") continue;
      await running.ended;
      running = start(run(store));
    }
    let last = await running.ended;
    // a service that was killed too often in a row gives the run up with "try later": the same command goes on
    for (let tries = 0; last.code === 75 && tries < 3; tries++) last = await peco(run(store));
    expect(artifacts(last)).toEqual(whole);
  }
  expect(Math.min(met.command, met.stage, met.masking), JSON.stringify(met)).toBeGreaterThan(1);
  await noneLeft();
});

/** A running service of a command line: the masking service, or any other. */
function serviceOf(pid: number, which: "stage" | "masking"): number | undefined {
  const services = children(pid).filter(({ command }) => command.includes("/services/"));
  return services.find(({ command }) => command.includes("/services/masking/") === (which === "masking"))?.pid;
}

/** Services end by themselves when their command line is gone; nothing of this campaign may be left. */
async function noneLeft(): Promise<void> {
  for (let waited = 0; waited < 30; waited++) {
    const left = processes().filter(({ command, parent }) => command.includes("/services/") && parent === 1);
    if (left.length === 0) return;
    await sleep(1000);
  }
  expect.fail("services are left behind");
}

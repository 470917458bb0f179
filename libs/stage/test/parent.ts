import { runStage, type StageSpec, spawnService } from "../src/index.ts";
import { toyService, toySpec } from "./toy.ts";

// whoever starts a service and is killed: prints the service's process number when the stage has done its first steps
const [folder = ""] = process.argv.slice(2);
const spec: StageSpec = toySpec(folder, { steps: 100_000, stepMs: 10, every: 1_000_000 });
const service = await spawnService(toyService());
await runStage(service, spec, {
  onEvent: (event) => {
    if (event.kind === "step" && event.step === 20) process.stdout.write(`${service.pid}\n`);
  },
});

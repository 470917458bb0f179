import { stage as proto } from "@peco/proto";
import { type Service, service } from "@peco/rpc";
import type { StageRuns } from "./stage-runs.ts";
import { eventToWire, specFromWire } from "./wire.ts";

/** The stage contract, served over the stages of this process. */
export function stageService(runs: StageRuns): Service {
  return service(proto.StageServiceService, {
    start: async ({ spec }) => runs.start(specFromWire(spec)),
    watch: async function* ({ key, fromEvent }, { signal }) {
      for await (const event of runs.watch(key, fromEvent, signal)) yield eventToWire(event);
    },
    cancel: async ({ key }) => ({ running: runs.cancel(key) }),
  });
}

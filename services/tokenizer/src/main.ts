import { serveOrRun } from "@peco/stage";
import { codebookStage } from "./codebook-stage.ts";
import { perceptualNetworkStage } from "./perceptual-network-stage.ts";
import { openTokenizerService } from "./tokenizer-service.ts";

await serveOrRun({
  name: "tokenizer",
  stages: { "perceptual-network": perceptualNetworkStage, codebook: codebookStage },
  services: async ({ store, artifact }) =>
    store === undefined ? [] : [await openTokenizerService({ store, ...(artifact !== undefined && { artifact }) })],
});

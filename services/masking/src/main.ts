import { serveOrRun } from "@peco/stage";
import { batchesService } from "./batches-service.ts";
import { dataStage } from "./data-stage.ts";

await serveOrRun({ name: "masking", stages: { data: dataStage }, services: () => [batchesService()] });

export { batchesService, openDataset, pieces } from "./batches-service.ts";
export { dataStage } from "./data-stage.ts";
